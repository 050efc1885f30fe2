//! Typesets letters: templates and data in, PDF (or a picture) out, many letters a process.
//!
//! It reads its standard input and writes its standard output as `README.md` beside this package tells; it opens no file and no
//! connection, and ends when its input ends.
#![forbid(unsafe_code)]

mod desk;
mod protocol;
#[cfg(test)]
mod tests;
mod typeset;

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use desk::Desk;
use protocol::{Announced, Answer, Greeting, Order, PROTOCOL, SetUp, read_head, read_octets, write};

/// A template may nest deeply.
const STACK: usize = 64 << 20;
/// What a template may take: forty megabytes do for a letter, and no letter is worth the machine.
const MEMORY: u64 = 3 << 30;

/// Who we are.
const PROGRAM: &str = concat!("letter-pdf ", env!("CARGO_PKG_VERSION"));

fn main() -> ExitCode {
    let typst = typst::utils::version().raw();
    let told = match std::env::args().nth(1).as_deref() {
        None => {
            limit_memory();
            let worker = std::thread::Builder::new().stack_size(STACK).spawn(work);
            return worker.ok().and_then(|worker| worker.join().ok()).unwrap_or(ExitCode::FAILURE);
        }
        Some("--version" | "-V") => format!("{PROGRAM} (typst {typst}, protocol {PROTOCOL})"),
        Some(_) => format!(
            "{PROGRAM}: typesets letters for postduif, which starts it by itself and talks to it over pipes.\n\
             It takes no options but --version."
        ),
    };
    let _ = writeln!(io::stdout(), "{told}");
    ExitCode::SUCCESS
}

/// Lets an allocation fail, and so this process, before the machine has no memory left for others.
fn limit_memory() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::As).maximum;
        let current = Some(maximum.map_or(MEMORY, |maximum| maximum.min(MEMORY)));
        // Where the system does not take it, we go on without.
        let _ = setrlimit(Resource::As, Rlimit { current, maximum });
    }
}

fn work() -> ExitCode {
    match serve(&mut io::stdin().lock(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // Who started us is gone: there is nobody to tell.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "letter-pdf: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers until the input ends.
///
/// # Errors
/// When a pipe breaks, or what comes is not what the protocol says.
fn serve(input: &mut impl BufRead, output: &mut impl Write) -> io::Result<()> {
    write(
        output,
        &Greeting { protocol: PROTOCOL, program: PROGRAM, typst: typst::utils::version().raw() },
        &[],
    )?;
    let Some(set_up) = read_head::<SetUp>(input)? else { return Ok(()) };
    let files = octets_of(input, set_up.files)?;
    let fonts = octets_of(input, set_up.fonts)?;
    let desk = match Desk::new(files, fonts) {
        Ok(desk) => desk,
        Err(faults) => return write(output, &Answer::Faults(faults), &[]),
    };
    let ready = Answer::Ready { families: desk.families(), characters: desk.characters() };
    write(output, &ready, &[])?;
    while let Some(order) = read_head::<Order>(input)? {
        let data = read_octets(input, order.size)?;
        match typeset::typeset(&desk, &order, data) {
            Ok((answer, octets)) => write(output, &answer, &octets)?,
            Err(faults) => write(output, &Answer::Faults(faults), &[])?,
        }
    }
    Ok(())
}

fn octets_of(input: &mut impl BufRead, files: Vec<Announced>) -> io::Result<Vec<(String, Vec<u8>)>> {
    files.into_iter().map(|file| Ok((file.name, read_octets(input, file.size)?))).collect()
}
