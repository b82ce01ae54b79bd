//! An S3 server for tests and trials on this machine: objects in a folder, signatures checked as S3 checks them (also of
//! presigned addresses, with their length, type and checksum). Buckets are folders; the one that is named is made.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

#[derive(Debug, Parser)]
#[command(name = "nova-local-s3")]
struct Options {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    access_key: String,
    #[arg(long)]
    secret_key: String,
    /// Made if it is not there.
    #[arg(long)]
    bucket: String,
    /// Where everything is kept.
    dir: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Options { listen, access_key, secret_key, bucket, dir } = Options::parse();
    let bucket = dir.join(bucket);
    std::fs::create_dir_all(&bucket).with_context(|| format!("cannot make {}", bucket.display()))?;
    let files =
        FileSystem::new(&dir).map_err(|error| anyhow::anyhow!("cannot open {}: {error:?}", dir.display()))?;
    let service = {
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
        builder.build()
    };
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    println!("listening on {}", listener.local_addr()?);
    let server = Builder::new(TokioExecutor::new());
    loop {
        let (socket, _) = listener.accept().await?;
        let connection = server.serve_connection(TokioIo::new(socket), service.clone()).into_owned();
        // A client that goes away in the middle is its own affair.
        tokio::spawn(async move { drop(connection.await) });
    }
}
