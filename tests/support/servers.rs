//! Servers as children of the test: free ports, a keeper that stops them, readiness by asking and never by sleeping.
#![allow(dead_code, reason = "every test file uses another part of this")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot start its servers has failed"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it. Generous: nothing waits for it when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Says whether tests with real servers are to be left out (`WITHOUT_SERVERS=1`), and tells the reader so.
#[expect(clippy::disallowed_methods, reason = "the switch for the whole test run is an environment variable")]
pub(crate) fn left_out() -> bool {
    let told = std::env::var("WITHOUT_SERVERS").is_ok_and(|value| !value.is_empty() && value != "0");
    if told {
        let current = std::thread::current();
        let name = current.name().unwrap_or("a test").to_owned();
        // Not `eprintln!`, which the test runner keeps to itself when a test passes.
        let _ = writeln!(std::io::stderr(), "left out: {name} (WITHOUT_SERVERS is set)");
    }
    told
}

/// Locks, also after a panic elsewhere: the panic is reported by its own test.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a loopback port that nobody listens on, below the range from which the kernel takes ports for outgoing lines.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u32 = 20_000;
    const ROOM: u32 = 12_000;
    // Every test process starts elsewhere, so that two of them seldom look at the same port.
    let start = std::process::id().wrapping_mul(97) % ROOM;
    for _ in 0..ROOM {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + (start + step) % ROOM).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free loopback port between {FIRST} and {}", FIRST + ROOM);
}

/// Asks `ready` until it answers with something.
pub(crate) fn wait_until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns the first line that a server says on a port, if it says one.
pub(crate) fn greeting(port: u16) -> Option<String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    (!line.is_empty()).then_some(line)
}

/// Runs `$@` until this shell's own input ends, which it does when the test lets go of it or dies, however it dies.
const MINDER: &str = r#"trap '' INT
log=$1; litter=$2; shift 2
"$@" </dev/null >"$log" 2>&1 &
echo $!
read -r _
kill -TERM $! 2>/dev/null
wait $!
[ -z "$litter" ] || rm -rf -- "$litter""#;

/// A server that runs in the foreground; it is told to stop, and waited for, when this is dropped.
///
/// Between us and it stands a shell that minds it, so that a test that is killed leaves no server behind. (The
/// kernel's own parent-death signal does not do: Postfix's `master` loses it when it changes its user.)
pub(crate) struct Server {
    minder: Child,
    pid: u32,
}

impl Server {
    /// Starts `program`; what it prints goes to `log`. When it has ended, `litter` is removed, where that is given.
    pub(crate) fn start(program: &str, arguments: &[&str], log: &Path, litter: Option<&Path>) -> Self {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", MINDER, "sh"])
            .arg(log)
            .arg(litter.unwrap_or(Path::new("")))
            .arg(program)
            .args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // No server gets to see a locale or a configuration of the caller's.
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
        let mut minder = command.spawn().unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
        let mut line = String::new();
        BufReader::new(minder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let pid = line.trim().parse().expect("the shell tells the process id");
        Self { minder, pid }
    }

    /// The process id of the server.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.minder.stdin.take());
        for _ in 0..1_500 {
            if !matches!(self.minder.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        signal(self.pid, "KILL");
        let _ = self.minder.wait();
    }
}

/// Sends a signal (`TERM`, `INT`, `KILL`) to one process that we started.
pub(crate) fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

/// A listener of our own on a loopback port, one thread for each caller, until it is dropped.
pub(crate) struct Listener {
    /// Its port.
    pub(crate) port: u16,
    closing: Arc<AtomicBool>,
}

impl Listener {
    /// Hands every caller's line to `serve`.
    pub(crate) fn start(serve: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let closing = Arc::new(AtomicBool::new(false));
        let serve = Arc::new(serve);
        let told = Arc::clone(&closing);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if told.load(Ordering::SeqCst) {
                    break;
                }
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || {
                    let _ = serve(stream);
                });
            }
        });
        Self { port, closing }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // One call wakes it, so that it sees that it is to end.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Postfix's policy protocol (SMTPD_POLICY_README): `name=value` lines, an empty line; answered by `action=…`.
pub(crate) fn serve_policy(
    stream: TcpStream,
    decide: impl Fn(&[(String, String)]) -> String,
) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut asked = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if let Some((name, value)) = line.split_once('=') {
            asked.push((name.to_owned(), value.to_owned()));
        } else {
            let answer = decide(&std::mem::take(&mut asked));
            out.write_all(format!("action={answer}\n\n").as_bytes())?;
        }
    }
    Ok(())
}

/// OAuth 2.0 token introspection (RFC 7662): reads one request, answers whether the token is good and whose it is.
pub(crate) fn serve_introspection(
    stream: TcpStream,
    owner: impl Fn(&str) -> Option<String>,
) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        let mut any = false;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line == "\r\n" {
                break;
            }
            any = true;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        if !any {
            return Ok(());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8_lossy(&body);
        let token = body.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
        let token = percent_encoding::percent_decode_str(token).decode_utf8_lossy();
        let answer = match owner(&token) {
            Some(user) => serde_json::json!({ "active": true, "username": user }),
            None => serde_json::json!({ "active": false }),
        }
        .to_string();
        out.write_all(
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
                answer.len()
            )
            .as_bytes(),
        )?;
    }
}
