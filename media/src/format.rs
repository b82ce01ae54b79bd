//! Whether bytes are what their type says, by how they begin.

/// Enough of the beginning for every format.
pub const MAGIC_BYTES: usize = 16;

/// `head`: the first [`MAGIC_BYTES`], or all there are. A type that is not known is never matched.
pub fn begins_as(content_type: &str, head: &[u8]) -> bool {
    let at = |from: usize, magic: &[u8]| head.get(from..from + magic.len()) == Some(magic);
    match content_type {
        "audio/ogg" => at(0, b"OggS"),
        "audio/webm" | "video/webm" => at(0, &[0x1a, 0x45, 0xdf, 0xa3]),
        "audio/mp4" | "video/mp4" => at(4, b"ftyp"),
        "audio/mpeg" => at(0, b"ID3") || matches!(head, [0xff, second, ..] if second & 0xe6 == 0xe2),
        "image/jpeg" => at(0, &[0xff, 0xd8, 0xff]),
        "image/png" => at(0, b"\x89PNG\r\n\x1a\n"),
        "image/webp" => at(0, b"RIFF") && at(8, b"WEBP"),
        "image/gif" => at(0, b"GIF87a") || at(0, b"GIF89a"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: [(&str, &[u8]); 10] = [
        ("audio/ogg", b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0"),
        ("audio/webm", b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81"),
        ("audio/mp4", b"\0\0\0\x1cftypM4A \0\0\x02\0"),
        ("audio/mpeg", b"\xff\xfb\x90\x64\0\0\0\0\0\0\0\0\0\0\0\0"),
        ("image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01"),
        ("image/png", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"),
        ("image/webp", b"RIFF\x24\0\0\0WEBPVP8 "),
        ("image/gif", b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff"),
        ("video/mp4", b"\0\0\0\x20ftypisom\0\0\x02\0"),
        ("video/webm", b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x86\x81\x01"),
    ];

    #[test]
    fn each_type_begins_its_own_way() {
        for (content_type, head) in HEADS {
            for (other, _) in HEADS {
                let same_container = other.split('/').nth(1) == content_type.split('/').nth(1)
                    && (other.ends_with("mp4") || other.ends_with("webm"));
                let expected = other == content_type || same_container;
                assert_eq!(begins_as(other, head), expected, "{content_type} as {other}");
            }
            for cut in 0..2 {
                assert!(!begins_as(content_type, &head[..cut]), "{content_type} cut at {cut}");
            }
        }
        assert!(begins_as("audio/mpeg", b"ID3\x04\0\0"));
        assert!(!begins_as("text/html", b"<html>"));
        assert!(!begins_as("image/png", b"<svg onload=alert(1)>"));
    }
}
