//! The program in a process of its own, with what it tells going to a file: a pipe that nobody reads would stop it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nova_views::projection;

pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(super) fn start(data: &Path) -> Self {
        let mut child = serve(data);
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let ready = stdout.lines().find_map(|line| {
            line.unwrap().trim().strip_prefix("ready http://").map(|address| address.parse().unwrap())
        });
        let address = ready.unwrap_or_else(|| {
            panic!("it ended before it was ready: {}", std::fs::read_to_string(told(data)).unwrap())
        });
        Self { child, address }
    }

    /// A start that is cut short, wherever it is then.
    pub(super) fn start_and_kill(data: &Path, after: Duration) {
        let mut child = serve(data);
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGKILL.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(super) fn rebuild_views(data: &Path) {
        for name in projection::ALL {
            let done = command(data).args(["projections", "rebuild", name]).output().unwrap();
            assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nova"));
    command.arg("--data").arg(data.join("data")).stdin(Stdio::null());
    // Load comes from one address here.
    command.envs(nova::config::WITHOUT_CLIENT_LIMITS);
    command
}

fn told(data: &Path) -> std::path::PathBuf {
    data.join("told")
}

fn serve(data: &Path) -> Child {
    let told = File::options().create(true).append(true).open(told(data)).unwrap();
    // Small segments, so that crashes also meet the change from one to the next.
    command(data)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("NOVA__LOG__SEGMENT_BYTES", "65536")
        .stdout(Stdio::piped())
        .stderr(told)
        .spawn()
        .unwrap()
}

/// A token that is good for the whole test.
pub(super) fn token(data: &Path, user: nova_events::UserId) -> String {
    let printed = command(data).args(["token", "--user", &user.to_string()]).output().unwrap();
    assert!(printed.status.success());
    String::from_utf8(printed.stdout).unwrap().trim().to_owned()
}
