//! What a figure was measured on, printed above it: figures without their setting are worth nothing.

use std::process::Command;

/// One line for each thing that figures depend on. `particulars`: what this measurement adds, such as versions of peers.
pub(crate) fn print(particulars: &[(&str, String)]) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("Setting:");
    println!("* machine: {cores} cores ({}), load average before the start {}", processor(), load());
    println!("* build: {}, {}, nova at {}", build(), said("rustc", &["--version"]), commit());
    for (name, value) in particulars {
        println!("* {name}: {value}");
    }
    println!();
}

fn build() -> &'static str {
    if cfg!(debug_assertions) { "DEBUG BUILD, figures mean nothing" } else { "release profile" }
}

fn commit() -> String {
    said("git", &["rev-parse", "--short", "HEAD"])
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    model.map_or_else(|| "model not told".to_owned(), |(_, model)| model.trim().to_owned())
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").to_owned()
}

/// The first line that a program says, or that it said nothing.
pub(crate) fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().map_or_else(|| format!("{program} did not say"), |line| line.trim().to_owned())
}
