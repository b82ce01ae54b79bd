//! The real program in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// Runs the program to its end.
pub(crate) fn nova(data: &Path, args: &[&str]) -> Output {
    command(data, args).output().unwrap()
}

fn command(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nova"));
    command.arg("--data").arg(data).args(args).stdin(Stdio::null());
    // Load comes from one address here.
    command.envs(nova::config::WITHOUT_CLIENT_LIMITS);
    command
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server. It is killed when it goes out of scope.
pub(crate) struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
    /// What it printed before it was ready.
    pub(crate) greeting: String,
}

impl Process {
    /// Starts `nova serve` or the like and waits until it is ready.
    pub(crate) fn start(data: &Path, args: &[&str]) -> Self {
        Self::run(command(data, args), Stdio::piped())
    }

    /// The same, with this in its environment.
    pub(crate) fn with_env(data: &Path, args: &[&str], key: &str, value: &str) -> Self {
        let mut command = command(data, args);
        command.env(key, value);
        Self::run(command, Stdio::piped())
    }

    /// The same, from a shell that runs this first.
    pub(crate) fn behind(first: &str, data: &Path, args: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{first}; exec \"$@\"")).args([
            "sh",
            env!("CARGO_BIN_EXE_nova"),
            "--data",
        ]);
        command.arg(data).args(args).stdin(Stdio::null());
        Self::run(command, Stdio::piped())
    }

    /// The same, and it tells what this filter lets through, into a file.
    pub(crate) fn telling(data: &Path, args: &[&str], filter: &str, file: std::fs::File) -> Self {
        let mut command = command(data, args);
        command.env("NOVA_LOG", filter);
        Self::run(command, file.into())
    }

    fn run(mut command: Command, stderr: Stdio) -> Self {
        command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut process = Self { child, stdout, address: nowhere, greeting: String::new() };
        loop {
            let mut line = String::new();
            if process.stdout.read_line(&mut line).unwrap() == 0 {
                panic!("it ended before it was ready: {}", process.told());
            }
            if let Some(address) = line.trim().strip_prefix("ready http://") {
                process.address = address.parse().unwrap();
                return process;
            }
            process.greeting.push_str(&line);
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end: the exit code, and what it printed since it was ready.
    pub(crate) fn wait(&mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }

    /// What it told on stderr until its end.
    pub(crate) fn told(&mut self) -> String {
        let mut told = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        told
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
