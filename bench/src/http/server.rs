//! A server in a process of its own, on a free port, that ends with its owner.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::cores;

/// How long a program may take until it listens.
const LISTENS: Duration = Duration::from_secs(30);

/// A load generator is many clients at one address: `nova::config::WITHOUT_CLIENT_LIMITS`, which this program is built without.
const WITHOUT_CLIENT_LIMITS: [(&str, &str); 6] = [
    ("NOVA__HTTP__BODIES_BYTES_PER_CLIENT_MAX", "0"),
    ("NOVA__HTTP__IN_FLIGHT_PER_ADDRESS_MAX", "0"),
    ("NOVA__HTTP__IN_FLIGHT_PER_USER_MAX", "0"),
    ("NOVA__HTTP__REQUESTS_PER_SECOND_PER_USER", "0"),
    ("NOVA__QUERIES__AFTER_WAITING_PER_USER_MAX", "0"),
    ("NOVA__QUOTAS__ENABLED", "false"),
];

pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    /// From the start of the process to the line that says it is ready.
    pub(crate) ready_after: Duration,
}

/// How a server is started, beside its arguments.
#[derive(Default)]
pub(crate) struct Launch {
    /// For its environment.
    pub(crate) variables: Vec<(String, String)>,
    /// The only core that it may use.
    pub(crate) core: Option<usize>,
    /// Where its errors go; nowhere by default.
    pub(crate) log: Option<PathBuf>,
}

impl Server {
    /// Starts a program that prints a line with its address once it is ready.
    pub(crate) async fn start(program: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        Self::launch(program, arguments, &Launch::default()).await
    }

    pub(crate) async fn launch(program: &Path, arguments: &[&str], launch: &Launch) -> anyhow::Result<Self> {
        let started = Instant::now();
        let mut child = spawn(program, arguments, launch)?;
        let stdout = child.stdout.take().context("no output to read")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = loop {
            let Some(line) = lines.next_line().await? else {
                bail!("{} ended before it was ready", program.display())
            };
            let found = line.split_whitespace().find_map(|word| {
                let word = word.trim_start_matches("http://").trim_end_matches(['/', '.', ',']);
                word.parse::<std::net::SocketAddr>().ok()
            });
            if let Some(address) = found {
                break address.to_string();
            }
        };
        let ready_after = started.elapsed();
        // What it prints from now on is read so that it never waits for us.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, address, ready_after })
    }

    /// Starts a program that says nothing, and waits until somebody listens on its port.
    pub(crate) async fn launch_at(
        program: &Path,
        arguments: &[&str],
        launch: &Launch,
        port: u16,
    ) -> anyhow::Result<Self> {
        let started = Instant::now();
        let mut child = spawn(program, arguments, launch)?;
        let mut said = child.stdout.take().context("no output to read")?;
        tokio::spawn(async move { tokio::io::copy(&mut said, &mut tokio::io::sink()).await });
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("{} ended before it listened: {status}", program.display());
            }
            if started.elapsed() > LISTENS {
                bail!("{} does not listen on port {port}", program.display());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { child, address: format!("127.0.0.1:{port}"), ready_after: started.elapsed() })
    }

    /// Kills it as a crash would, and waits until it is gone.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Ends it as an operator would, and waits until it is gone.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.context("the server has ended")?, rustix::process::Signal::TERM)?;
        self.child.wait().await?;
        Ok(())
    }

    /// Processor time used so far, and resident memory in bytes.
    pub(crate) fn usage(&self) -> anyhow::Result<(Duration, u64)> {
        let pid = self.child.id().context("the server has ended")?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = fields.get(11).context("no utime")?.parse::<u64>()? + fields[12].parse::<u64>()?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident_kib: u64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .context("no VmRSS")?
            .parse()?;
        // Linux counts processor time in hundredths of a second on every architecture that Nova runs on.
        Ok((Duration::from_millis(ticks * 10), resident_kib * 1024))
    }
}

fn spawn(program: &Path, arguments: &[&str], launch: &Launch) -> anyhow::Result<Child> {
    let errors = match &launch.log {
        Some(path) => std::fs::File::options().create(true).append(true).open(path)?.into(),
        None => Stdio::null(),
    };
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::piped()).stderr(errors).kill_on_drop(true);
    // All clients of a measurement have one address.
    command.env("NOVA__SERVER__CONNECTIONS_PER_ADDRESS_MAX", "1000000");
    command.envs(WITHOUT_CLIENT_LIMITS);
    command.envs(launch.variables.iter().map(|(name, value)| (name, value)));
    // A process inherits the cores of the thread that starts it.
    let _pinned = launch.core.map(cores::pin).transpose()?;
    command.spawn().with_context(|| format!("cannot start {}", program.display()))
}

/// The `nova` program beside this one.
pub(crate) fn nova_program() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("nova");
    if !path.exists() {
        bail!("{} is not there: build it first with cargo build --release -p nova", path.display());
    }
    Ok(path)
}
