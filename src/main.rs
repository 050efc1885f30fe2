//! Everything of interest happens in [`postduif::run`]; this file only gives the shell its answer.

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    postduif::run::run(postduif::cli::Cli::parse()).into()
}
