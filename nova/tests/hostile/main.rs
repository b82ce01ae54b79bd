//! Clients that mean harm, against the real program in a process of its own.
//!
//! They come from a few addresses of the loopback network (127.0.0.x), pipeline requests without reading the answers, stall every path
//! that streams, send heads and bodies byte by byte, hold idle connections, flood WebSockets and send what is not HTTP. Meanwhile
//!
//! * honest clients from other addresses are answered, without a 5xx and in time;
//! * the server's resident memory grows by no more than what a connection may take (`server.connection_buffer_bytes`, twice) for each
//!   hostile connection, and comes back within 30 s of their going;
//! * what a client does not read is given up after `server.write_timeout_ms`.
//!
//! | variable | what | default |
//! |---|---|---|
//! | `NOVA_HOSTILE_SECONDS` | how long the mixture of all attacks lasts; 600 is the full form, which also holds the latency of honest clients to 50 ms and wants an idle machine | 10 |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod attack;
mod crowds;
mod floods;
mod honest;
mod malformed;
mod mixture;
mod stage;
mod stalled;
mod wire;
