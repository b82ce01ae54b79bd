//! One process of the program. What it tells goes to files: a pipe that nobody reads would stop it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Relay,
    Projectors,
    CommandApi,
    QueryApi,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Relay, Self::Projectors, Self::CommandApi, Self::QueryApi];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Projectors => "projectors",
            Self::CommandApi => "command-api",
            Self::QueryApi => "query-api",
        }
    }
}

/// It is killed when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// The subcommand and its arguments.
    pub(crate) args: Vec<String>,
    out: PathBuf,
    told: PathBuf,
    address: Option<SocketAddr>,
}

impl Process {
    /// Starts it and does not wait. `files` is the path of its files, without their ends.
    pub(crate) fn start(mut command: Command, args: &[&str], files: &Path) -> Self {
        let (out, told) = (files.with_extension("out"), files.with_extension("err"));
        command.args(args).args(["--listen", "127.0.0.1:0"]).stdin(Stdio::null());
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&told).unwrap());
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        Self { child: command.spawn().unwrap(), args, out, told, address: None }
    }

    /// Where it listens, once it is ready.
    pub(crate) fn address(&mut self) -> Option<SocketAddr> {
        if self.address.is_none() {
            let out = std::fs::read_to_string(&self.out).unwrap_or_default();
            let line = out.lines().find_map(|line| line.strip_prefix("ready http://"));
            self.address = line.and_then(|address| address.parse().ok());
        }
        self.address
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it told on stderr.
    pub(crate) fn told(&self) -> String {
        std::fs::read_to_string(&self.told).unwrap_or_default()
    }

    /// The end of what it told.
    pub(crate) fn last_words(&self) -> String {
        const LINES_MAX: usize = 25;
        let told = self.told();
        let lines: Vec<_> = told.lines().collect();
        let end = lines[lines.len().saturating_sub(LINES_MAX)..].join("\n");
        format!("--- {:?}, process {}\n{end}\n", self.args, self.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
