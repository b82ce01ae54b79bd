//! Small files of each sort.

use serde_json::{Value, json};

use crate::client::Api;

pub(crate) struct File {
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl File {
    /// Puts it to a presigned address with these headers, and tells the status.
    pub(crate) async fn put(&self, api: &Api, url: &str, headers: &Value) -> u16 {
        let mut ask = api.ask_at("PUT", url);
        for (name, value) in headers.as_object().unwrap() {
            // The client says how long the body is by itself.
            if name != "content-length" {
                ask = ask.header(name, value.as_str().unwrap());
            }
        }
        ask.body(self.bytes.clone()).send().await.status.as_u16()
    }

    /// What is said to reserve its upload.
    pub(crate) fn body(&self) -> Value {
        json!({
            "content_type": self.content_type,
            "content_length": self.bytes.len(),
            "sha256": sha256(&self.bytes),
        })
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Ogg with Opus, as long as it says.
pub(crate) fn ogg(duration_ms: u64) -> File {
    let page = |flags: u8, position: u64, number: u32, body: &[u8]| {
        let mut page = b"OggS\0".to_vec();
        page.push(flags);
        page.extend_from_slice(&position.to_le_bytes());
        page.extend_from_slice(&7_u32.to_le_bytes());
        page.extend_from_slice(&number.to_le_bytes());
        page.extend_from_slice(&[0; 4]);
        page.push(1);
        page.push(u8::try_from(body.len()).unwrap());
        page.extend_from_slice(body);
        page
    };
    let head =
        [&b"OpusHead\x01\x01"[..], &312_u16.to_le_bytes(), &48_000_u32.to_le_bytes(), &[0; 3]].concat();
    let bytes = [
        page(2, 0, 0, &head),
        page(0, 0, 1, b"OpusTags\0\0\0\0\0\0\0\0"),
        page(4, duration_ms * 48 + 312, 2, &[0x5a; 200]),
    ];
    File { content_type: "audio/ogg", bytes: bytes.concat() }
}

pub(crate) fn png() -> File {
    let bytes = [&b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..], &[7; 900]].concat();
    File { content_type: "image/png", bytes }
}

pub(crate) fn mp4() -> File {
    let bytes = [&b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41"[..], &[9; 2_000]].concat();
    File { content_type: "video/mp4", bytes }
}
