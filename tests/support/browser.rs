//! A real Chromium without a window, told what to do over its DevTools protocol: pages opened, measured, photographed.
//!
//! ```ignore
//! let Some(mut browser) = Browser::start() else { return };
//! let mut page = browser.open("file:///…/letter.html", 360, 800);
//! assert_eq!(page.eval("document.title"), "A letter");
//! page.screenshot(Path::new("letter.png"));
//! ```
//!
//! It speaks over a pair of pipes (`--remote-debugging-pipe`: file descriptors 3 and 4), so there is no port, no driver
//! and no library between us and it. It reaches no host but this machine.
#![allow(dead_code, reason = "every test file uses another part of this")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test whose browser does not answer has failed"
)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use base64::Engine as _;
use serde_json::{Value, json};

use super::servers::{PATIENCE, left_out};

/// The names under which it is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A browser; ended, with its profile, when this is dropped.
pub(crate) struct Browser {
    child: Child,
    to: Option<ChildStdin>,
    from: Receiver<Value>,
    next: u64,
    _profile: tempfile::TempDir,
}

/// A page in it.
pub(crate) struct Page<'b> {
    browser: &'b mut Browser,
    session: String,
}

impl Browser {
    /// Starts one; `None`, and a line for the reader, where none is installed or servers are to be left out.
    pub(crate) fn start() -> Option<Self> {
        if left_out() {
            return None;
        }
        let Some(program) = NAMES.iter().find(|name| installed(name)) else {
            let name = std::thread::current().name().unwrap_or("a test").to_owned();
            let _ = writeln!(std::io::stderr(), "left out: {name} (no Chromium is installed)");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        // The shell gives it our two pipes under the numbers that it wants.
        command.args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "sh", program]);
        command.args([
            "--headless=new",
            "--remote-debugging-pipe",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-extensions",
            "--no-first-run",
            "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", profile.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the browser starts");
        let to = child.stdin.take();
        let from = listen(child.stdout.take().unwrap());
        Some(Self { child, to, from, next: 0, _profile: profile })
    }

    /// Opens a page at an address and waits until it has loaded; the size is in CSS pixels.
    pub(crate) fn open(&mut self, address: &str, width: u32, height: u32) -> Page<'_> {
        let target = self.call("Target.createTarget", &json!({ "url": "about:blank" }), None);
        let given = json!({ "targetId": target["targetId"], "flatten": true });
        let session =
            self.call("Target.attachToTarget", &given, None)["sessionId"].as_str().unwrap().to_owned();
        let mut page = Page { browser: self, session };
        let phone = width < 600;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        page.call("Emulation.setDeviceMetricsOverride", &size);
        page.call("Page.enable", &json!({}));
        page.call("Page.navigate", &json!({ "url": address }));
        page.wait_for("Page.loadEventFired");
        page
    }

    /// Calls a method and waits for its result.
    fn call(&mut self, method: &str, params: &Value, session: Option<&str>) -> Value {
        let answer = self.ask(method, params, session);
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    /// Calls a method and waits for whatever it answers.
    fn ask(&mut self, method: &str, params: &Value, session: Option<&str>) -> Value {
        self.next += 1;
        let id = self.next;
        let mut order = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            order["sessionId"] = json!(session);
        }
        let mut bytes = order.to_string().into_bytes();
        bytes.push(0);
        self.to.as_mut().unwrap().write_all(&bytes).expect("the browser listens");
        self.hear(&format!("the answer to {method}"), |heard| heard["id"] == id)
    }

    fn hear(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            match self.from.recv_timeout(PATIENCE) {
                Ok(heard) if is_it(&heard) => return heard,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("waited {PATIENCE:?} in vain for {what}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the browser ended before {what}"),
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // When its pipe closes, it ends, and its helpers with it.
        drop(self.to.take());
        for _ in 0..500 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Page<'_> {
    /// Calls a method of the page.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        let session = self.session.clone();
        self.browser.call(method, params, Some(&session))
    }

    /// Waits for an event of the page.
    pub(crate) fn wait_for(&mut self, event: &str) -> Value {
        let session = self.session.clone();
        self.browser.hear(event, |heard| heard["method"] == event && heard["sessionId"] == session)
    }

    /// Evaluates JavaScript in the page and returns its value; a promise is waited for.
    pub(crate) fn eval(&mut self, script: &str) -> Value {
        let given = json!({ "expression": script, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &given);
        assert!(answer["exceptionDetails"].is_null(), "{script}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Leads the page elsewhere and waits until it has loaded.
    pub(crate) fn goto(&mut self, address: &str) {
        // Marked, so that it is known when the page is another one.
        self.eval("void (window.left = true)");
        self.call("Page.navigate", &json!({ "url": address }));
        self.until("window.left === undefined && document.readyState === 'complete'");
    }

    /// Does something that leads elsewhere, such as a click, and waits until that page has loaded.
    pub(crate) fn leads(&mut self, act: impl FnOnce(&mut Self)) {
        self.eval("void (window.left = true)");
        act(self);
        self.until("window.left === undefined && document.readyState === 'complete'");
    }

    /// Waits until a script says true; while a page is changed for another, it says nothing.
    pub(crate) fn until(&mut self, script: &str) {
        let session = self.session.clone();
        let given = json!({ "expression": script, "returnByValue": true });
        for _ in 0..PATIENCE.as_millis() / 20 {
            let answer = self.browser.ask("Runtime.evaluate", &given, Some(&session));
            if answer["result"]["result"]["value"] == true {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("waited {PATIENCE:?} in vain until {script}: {}", self.eval("document.body.innerText"));
    }

    /// Clicks with the mouse into the middle of the first element that a selector means.
    pub(crate) fn click(&mut self, selector: &str) {
        let script = format!(
            "(() => {{ const it = document.querySelector({selector:?}); it.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
             const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2] }})()"
        );
        let at = self.eval(&script);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    /// Types text where the focus is.
    pub(crate) fn write(&mut self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Presses a key: a letter, or `Tab`, `Enter`, `Escape`, `ArrowRight`.
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            " " => 32,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            letter => i32::from(letter.to_ascii_uppercase().as_bytes()[0]),
        };
        let mut event = json!({ "type": "keyDown", "key": key, "windowsVirtualKeyCode": code });
        match key {
            "Enter" => event["text"] = json!("\r"),
            key if key.len() == 1 => event["text"] = json!(key),
            _ => {}
        }
        self.call("Input.dispatchKeyEvent", &event);
        self.call(
            "Input.dispatchKeyEvent",
            &json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code }),
        );
    }

    /// Photographs the whole page, however long it is, as a PNG.
    pub(crate) fn screenshot(&mut self, file: &Path) {
        self.photograph(file, true);
    }

    /// Photographs what the window shows.
    pub(crate) fn picture(&mut self, file: &Path) {
        self.photograph(file, false);
    }

    fn photograph(&mut self, file: &Path, whole: bool) {
        let answer =
            self.call("Page.captureScreenshot", &json!({ "format": "png", "captureBeyondViewport": whole }));
        let picture = base64::engine::general_purpose::STANDARD.decode(answer["data"].as_str().unwrap());
        fs::write(file, picture.unwrap()).unwrap();
    }
}

fn installed(name: &str) -> bool {
    ["/usr/local/bin", "/usr/bin", "/bin"].iter().any(|folder| Path::new(folder).join(name).exists())
}

/// Reads messages, each ended by NUL.
fn listen(out: ChildStdout) -> Receiver<Value> {
    let (heard, hears) = channel();
    thread::spawn(move || {
        let mut out = BufReader::new(out);
        let mut message = Vec::new();
        while out.read_until(0, &mut message).is_ok_and(|read| read > 0) {
            message.pop();
            if let Ok(value) = serde_json::from_slice(&message)
                && heard.send(value).is_err()
            {
                return;
            }
            message.clear();
        }
    });
    hears
}
