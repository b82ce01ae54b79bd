//! It starts, says where, makes its bucket, and lets nobody in without a signature.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn without_a_signature_it_answers_403() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nova-local-s3"));
    command.args(["--listen", "127.0.0.1:0", "--access-key", "key", "--secret-key", "secret"]);
    command.args(["--bucket", "nova-media"]).arg(dir.path()).stdout(Stdio::piped());
    let mut server = Ended(command.spawn().unwrap());
    let mut said = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let address = said.trim().strip_prefix("listening on ").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    let request = "GET /nova-media/kept HTTP/1.1\r\nHost: s3\r\nConnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(dir.path().join("nova-media").is_dir());
}
