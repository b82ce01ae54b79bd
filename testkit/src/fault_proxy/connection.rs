//! One connection: how it begins, and how it ends.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::TcpStream;

use super::chance::Chance;
use super::flow::{Direction, Ending, Pipe};
use super::{NewConnections, Setting, Shared};

/// How often a connection that hangs is looked at: has its client gone?
const HANG_INTERVAL: Duration = Duration::from_millis(50);

/// Why a connection ends.
enum End {
    /// Both sides have said all they had to say, or it was cut.
    Closed,
    /// One side was reset: so is the other.
    Broken,
    /// The proxy resets it.
    Reset,
}

pub(super) async fn run(mut client: TcpStream, number: u64, shared: Shared) {
    let mut resets = shared.resets.clone();
    resets.mark_unchanged();
    // Whatever is small goes at once, as it came.
    let _ = client.set_nodelay(true);
    let begun = tokio::select! {
        begun = begin(&client, number, &shared) => begun,
        _ = resets.changed() => Err(End::Reset),
    };
    let mut server = match begun {
        Ok(server) => server,
        Err(end) => return finish(&end, &[client], &shared),
    };
    let end = tokio::select! {
        end = pass(&mut client, &mut server, number, &shared) => end,
        _ = resets.changed() => End::Reset,
    };
    finish(&end, &[client, server], &shared);
}

/// The caller closes the sockets after this.
fn finish(end: &End, sockets: &[TcpStream], shared: &Shared) {
    match end {
        End::Closed => {}
        End::Broken | End::Reset => {
            for socket in sockets {
                // So that it sends RST when it is closed. One that cannot has been closed by its other side.
                let _ = socket.set_zero_linger();
            }
        }
    }
    if matches!(end, End::Reset) {
        shared.counters.resets.fetch_add(1, Ordering::SeqCst);
    }
}

/// Connects to the server, when it may.
async fn begin(client: &TcpStream, number: u64, shared: &Shared) -> Result<TcpStream, End> {
    let mut setting = shared.setting.clone();
    let probability = setting.borrow_and_update().faults.reset_probability;
    if Chance::of(shared.seed, number).fraction() < probability {
        return Err(End::Reset);
    }
    loop {
        let Setting { faults, .. } = *setting.borrow_and_update();
        match faults.new_connections {
            NewConnections::Refuse => return Err(End::Reset),
            NewConnections::Accept => break,
            NewConnections::Hang => {}
        }
        tokio::select! {
            changed = setting.changed() => changed.map_err(|_| End::Closed)?,
            () = tokio::time::sleep(HANG_INTERVAL) => {
                if has_gone(client).await {
                    return Err(End::Closed);
                }
            }
        }
    }
    let server = TcpStream::connect(&*shared.upstream).await.map_err(|_| End::Broken)?;
    let _ = server.set_nodelay(true);
    Ok(server)
}

/// Whether the client has closed its side: one that waits for nothing else any more is taken for gone.
async fn has_gone(client: &TcpStream) -> bool {
    let looked = tokio::time::timeout(Duration::ZERO, client.ready(Interest::READABLE)).await;
    match looked {
        Err(_) => false,
        Ok(Ok(ready)) => ready.is_read_closed(),
        Ok(Err(_)) => true,
    }
}

/// Passes bytes in both directions until both have ended, or one breaks.
async fn pass(client: &mut TcpStream, server: &mut TcpStream, number: u64, shared: &Shared) -> End {
    let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
    let up = Pipe::new(Direction::Up, number, shared).run(from_client, to_server);
    let down = Pipe::new(Direction::Down, number, shared).run(from_server, to_client);
    tokio::pin!(up, down);
    let mut ended = (false, false);
    loop {
        let ending = tokio::select! {
            ending = &mut up, if !ended.0 => { ended.0 = true; ending }
            ending = &mut down, if !ended.1 => { ended.1 = true; ending }
        };
        match ending {
            Ok(Ending::Said) if ended == (true, true) => return End::Closed,
            Ok(Ending::Said) => {}
            Ok(Ending::Cut) => return End::Closed,
            Err(error) => return end_of(&error),
        }
    }
}

fn end_of(error: &io::Error) -> End {
    match error.kind() {
        // The receiver went away first: there is nobody to tell.
        io::ErrorKind::NotConnected => End::Closed,
        _ => End::Broken,
    }
}
