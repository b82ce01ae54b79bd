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

/// Without metadata: it is served as it is.
pub(crate) fn png() -> File {
    let chunk = |kind: &[u8; 4], contents: &[u8]| {
        // The checksum of a chunk is for decoders.
        [&u32::try_from(contents.len()).unwrap().to_be_bytes()[..], kind, contents, &[0; 4]].concat()
    };
    let bytes = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]),
        chunk(b"IDAT", &[7; 900]),
        chunk(b"IEND", b""),
    ];
    File { content_type: "image/png", bytes: bytes.concat() }
}

/// A position, as it stands in pictures and films.
pub(crate) const POSITION: &[u8] = b"52.5200N 13.4050E";

/// A picture that says where it was taken, and on which side it lies.
pub(crate) fn jpeg_with_position() -> File {
    let segment = |marker: u8, contents: &[u8]| {
        let length = u16::try_from(contents.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker][..], &length, contents].concat()
    };
    let turned = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let bytes = [
        b"\xff\xd8".to_vec(),
        segment(0xe1, &[&turned[..], POSITION].concat()),
        segment(0xdb, &[5; 65]),
        segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        b"pixels\xff\xd9".to_vec(),
        POSITION.to_vec(),
    ];
    File { content_type: "image/jpeg", bytes: bytes.concat() }
}

/// A film that says where it was taken.
pub(crate) fn film_with_position() -> File {
    let boxed = |kind: &[u8; 4], contents: &[u8]| {
        [&u32::try_from(contents.len() + 8).unwrap().to_be_bytes()[..], kind, contents].concat()
    };
    let bytes = [
        boxed(b"ftyp", b"isom\0\0\x02\0isomiso2avc1mp41"),
        boxed(b"moov", &boxed(b"udta", &boxed(b"\xa9xyz", POSITION))),
        // Longer than the parts in which films are read and copied.
        boxed(b"mdat", &vec![9; 9 << 20]),
    ];
    File { content_type: "video/mp4", bytes: bytes.concat() }
}

pub(crate) fn mp4() -> File {
    let bytes = [&b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41"[..], &[9; 2_000]].concat();
    File { content_type: "video/mp4", bytes }
}
