use super::*;
use crate::duration::duration_ms;

/// Stands in every part that has to go.
const CANARY: &[u8] = b"52.5200N 13.4050E";

fn cleaned(content_type: &str, file: &[u8]) -> Bytes {
    clean(content_type, &Bytes::copy_from_slice(file)).expect("the file can be read")
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// EXIF with a description that holds the canary, turned by `orientation`.
fn exif_of(orientation: u8) -> Vec<u8> {
    let mut tiff = exif::minimal(orientation).to_vec();
    tiff.extend_from_slice(CANARY);
    tiff
}

fn segment(marker: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len() + 2).unwrap();
    [&[0xff, marker][..], &length.to_be_bytes(), contents].concat()
}

const QUANTISATION: u8 = 0xdb;
const FRAME: u8 = 0xc0;

fn jpeg_body() -> Vec<u8> {
    let scan = [&segment(0xda, &[1, 1, 0, 0, 63, 0])[..], b"\x12\xff\x00\x34\xff\xd0\x56"].concat();
    [segment(QUANTISATION, &[5; 65]), segment(FRAME, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]), scan].concat()
}

fn jfif() -> Vec<u8> {
    segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
}

#[test]
fn jpeg_keeps_the_picture_and_how_it_is_turned() {
    let icc = segment(0xe2, b"ICC_PROFILE\0\x01\x01profile");
    let adobe = segment(0xee, b"Adobe\0\x64\0\0\0\0\x01");
    let exif = segment(0xe1, &[b"Exif\0\0", &exif_of(6)[..]].concat());
    let thumbnail = segment(0xe0, &[b"JFIF\0\x01\x01\0\0\x01\0\x01\x02\x03", CANARY].concat());
    let file = [
        b"\xff\xd8".to_vec(),
        thumbnail,
        segment(0xe0, &[b"JFXX\0\x10", CANARY].concat()),
        exif,
        segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", CANARY].concat()),
        icc.clone(),
        segment(0xe2, &[b"MPF\0", CANARY].concat()),
        segment(0xed, &[b"Photoshop 3.0\0", CANARY].concat()),
        adobe.clone(),
        segment(0xfe, CANARY),
        jpeg_body(),
        b"\xff\xd9".to_vec(),
        CANARY.to_vec(),
    ]
    .concat();
    let turned = segment(0xe1, &[b"Exif\0\0", &exif::minimal(6)[..]].concat());
    let expected =
        [b"\xff\xd8".to_vec(), jfif(), turned, icc, adobe, jpeg_body(), b"\xff\xd9".to_vec()].concat();
    assert_eq!(cleaned("image/jpeg", &file), expected);
    assert_eq!(cleaned("image/jpeg", &expected), expected, "again changes nothing");
}

#[test]
fn jpeg_metadata_between_scans_goes() {
    let file = [
        b"\xff\xd8".to_vec(),
        jpeg_body(),
        segment(0xfe, CANARY),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        b"\x77\xff\xd9".to_vec(),
    ]
    .concat();
    let clean = cleaned("image/jpeg", &file);
    assert!(!holds(&clean, CANARY) && clean.ends_with(b"\x77\xff\xd9"));
}

#[test]
fn jpeg_that_is_cut_in_its_scan_is_ended() {
    let whole = [b"\xff\xd8".to_vec(), jpeg_body(), b"\xff\xd9".to_vec()].concat();
    assert_eq!(cleaned("image/jpeg", &whole[..whole.len() - 2]), whole);
    assert_eq!(clean("image/jpeg", &Bytes::copy_from_slice(&whole[..20])), None, "cut before its scan");
}

fn png_chunk(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let mut sum = crc32fast::Hasher::new();
    sum.update(kind);
    sum.update(contents);
    let length = u32::try_from(contents.len()).unwrap().to_be_bytes();
    [&length[..], kind, contents, &sum.finalize().to_be_bytes()].concat()
}

#[test]
fn png_keeps_the_picture_and_how_it_is_turned() {
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = png_chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]);
    let (profile, data) = (png_chunk(b"iCCP", b"p\0\0zip"), png_chunk(b"IDAT", b"pixels"));
    let end = png_chunk(b"IEND", b"");
    let text = |kind| png_chunk(kind, CANARY);
    let file = [
        signature.clone(),
        header.clone(),
        png_chunk(b"eXIf", &exif_of(8)),
        text(b"tEXt"),
        text(b"zTXt"),
        text(b"iTXt"),
        text(b"prVt"),
        profile.clone(),
        png_chunk(b"tIME", b"1234567"),
        data.clone(),
        end.clone(),
        CANARY.to_vec(),
    ]
    .concat();
    let turned = png_chunk(b"eXIf", &exif::minimal(8));
    let expected = [signature, header, turned, profile, data, end].concat();
    assert_eq!(cleaned("image/png", &file), expected);
    assert_eq!(cleaned("image/png", &expected), expected);
}

fn webp_chunk(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len()).unwrap().to_le_bytes();
    let padding: &[u8] = if contents.len() % 2 == 1 { &[0] } else { &[] };
    [kind, &length[..], contents, padding].concat()
}

fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [b"WEBP".to_vec(), chunks.concat()].concat();
    [b"RIFF".to_vec(), u32::try_from(body.len()).unwrap().to_le_bytes().to_vec(), body].concat()
}

#[test]
fn webp_keeps_the_picture_and_how_it_is_turned() {
    let flags = |flags: u8| webp_chunk(b"VP8X", &[flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let frame = |more: &[u8]| {
        let chunks = [webp_chunk(b"VP8 ", b"pixels!"), more.to_vec()].concat();
        webp_chunk(b"ANMF", &[&[1; 16][..], &chunks].concat())
    };
    let hidden = webp_chunk(b"EXIF", CANARY);
    let file = webp(&[
        flags(0x2e),
        webp_chunk(b"ICCP", b"profile"),
        webp_chunk(b"ANIM", &[0; 6]),
        frame(&hidden),
        webp_chunk(b"EXIF", &exif_of(3)),
        webp_chunk(b"XMP ", CANARY),
        webp_chunk(b"wxyz", CANARY),
    ]);
    let expected = webp(&[
        flags(0x2a),
        webp_chunk(b"ICCP", b"profile"),
        webp_chunk(b"ANIM", &[0; 6]),
        frame(b""),
        webp_chunk(b"EXIF", &exif::minimal(3)),
    ]);
    assert_eq!(cleaned("image/webp", &[&file[..], CANARY].concat()), expected);
    assert_eq!(cleaned("image/webp", &expected), expected);
    let plain = webp(&[webp_chunk(b"VP8 ", b"pixels")]);
    assert_eq!(cleaned("image/webp", &plain), plain);
}

#[test]
fn gif_keeps_its_frames_and_how_often_they_play() {
    let blocks = |data: &[u8]| [&[u8::try_from(data.len()).unwrap()], data, &[0]].concat();
    let extension = |label: u8, first: &[u8], data: &[u8]| {
        let first = if first.is_empty() { Vec::new() } else { [&[11], first].concat() };
        [vec![0x21, label], first, blocks(data)].concat()
    };
    let head = [&b"GIF89a\x01\0\x01\0\x80\0\0"[..], &[9; 6]].concat();
    let (repeats, control) =
        (extension(0xff, b"NETSCAPE2.0", b"\x01\0\0"), extension(0xf9, b"", b"\0\x05\0\0"));
    let image = [&b"\x2c\0\0\0\0\x01\0\x01\0\x80"[..], &[3; 6], &[2], &blocks(b"data")].concat();
    let file = [
        head.clone(),
        repeats.clone(),
        extension(0xfe, b"", CANARY),
        extension(0xff, b"XMP DataXMP", CANARY),
        control.clone(),
        image.clone(),
        b"\x3b".to_vec(),
        CANARY.to_vec(),
    ]
    .concat();
    let expected = [head, repeats, control, image, b"\x3b".to_vec()].concat();
    assert_eq!(cleaned("image/gif", &file), expected);
    assert_eq!(cleaned("image/gif", &expected), expected);
}

fn boxed(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len() + 8).unwrap();
    [&length.to_be_bytes()[..], kind, contents].concat()
}

/// A size of 64 bits.
fn long_box(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let length = contents.len() as u64 + 16;
    [&[0, 0, 0, 1][..], kind, &length.to_be_bytes(), contents].concat()
}

fn film() -> Vec<u8> {
    let mvhd = [&[0; 12][..], &600_u32.to_be_bytes(), &7_200_u32.to_be_bytes(), &[0; 80]].concat();
    let trak = [boxed(b"tkhd", &[1; 84]), boxed(b"udta", CANARY)].concat();
    let moov = [
        boxed(b"mvhd", &mvhd),
        boxed(b"trak", &trak),
        boxed(b"udta", &boxed(b"\xa9xyz", CANARY)),
        long_box(b"meta", CANARY),
    ]
    .concat();
    [
        boxed(b"ftyp", b"M4A \0\0\0\0"),
        boxed(b"mdat", b"sound that holds the word udta"),
        boxed(b"moov", &moov),
        boxed(b"uuid", CANARY),
    ]
    .concat()
}

#[test]
fn film_metadata_becomes_free_space() {
    let file = film();
    let clean = cleaned("audio/mp4", &file);
    assert_eq!(clean.len(), file.len());
    assert!(!holds(&clean, CANARY) && holds(&clean, b"the word udta"));
    assert_eq!(clean.windows(4).filter(|window| window == b"free").count(), 4);
    assert_eq!(duration_ms("audio/mp4", &clean), Some(12_000));
}

#[test]
fn film_in_parts_of_any_size_is_cleaned_alike() {
    let file = film();
    let whole = cleaned("audio/mp4", &file);
    for size in [1, 2, 3, 5, 7, 64, 1_000] {
        let mut scanner = Scanner::default();
        file.chunks(size).for_each(|part| scanner.push(part));
        let found = scanner.found().unwrap();
        let mut parts = Vec::new();
        for part in file.chunks(size) {
            let position = parts.len() as u64;
            let mut part = part.to_vec();
            free(&found, position, &mut part);
            parts.extend(part);
        }
        assert_eq!(parts, whole, "in parts of {size}");
    }
}

#[test]
fn film_with_too_much_metadata_is_refused() {
    let file = [boxed(b"ftyp", b"M4A \0\0\0\0"), boxed(b"udta", b"").repeat(300)].concat();
    assert_eq!(clean("audio/mp4", &file.into()), None);
}

#[test]
fn mp3_loses_its_tags() {
    let mut frame = vec![0xff, 0xfb, 0x90, 0x64];
    frame.resize(417, 0x55);
    let sound = frame.repeat(9);
    let tag = [&b"ID3\x04\0\0\0\0\0\x11"[..], CANARY].concat();
    let old = [&b"TAG"[..], CANARY, &[0; 108]].concat();
    assert_eq!(cleaned("audio/mpeg", &[tag, sound.clone(), old].concat()), sound);
}

#[test]
fn hostile_files_are_refused_without_a_panic() {
    let mut seed = 11_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    for (content_type, file) in sound_files() {
        if ["audio/ogg", "audio/webm"].contains(&content_type) {
            continue; // Left as they are.
        }
        for cut in 0..file.len() {
            let _ = clean(content_type, &Bytes::copy_from_slice(&file[..cut]));
        }
        for _ in 0..3_000 {
            let mut file = file.clone();
            for _ in 0..1 + random() % 4 {
                let at = random() % file.len();
                file[at] = [0, 0xff, 0x7f, 1, random() as u8][random() % 5];
            }
            let _ = clean(content_type, &file.into());
        }
        assert_eq!(clean(content_type, &Bytes::new()).filter(|_| content_type != "audio/mp4"), None);
    }
}

/// A file of each format that is looked at, and what it is called.
fn sound_files() -> Vec<(&'static str, Vec<u8>)> {
    let jpeg = [b"\xff\xd8".to_vec(), jfif(), jpeg_body(), b"\xff\xd9".to_vec()].concat();
    let png = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        png_chunk(b"IHDR", &[0; 13]),
        png_chunk(b"eXIf", &exif_of(3)),
        png_chunk(b"IDAT", b"x"),
        png_chunk(b"IEND", b""),
    ]
    .concat();
    let frame = webp_chunk(b"ANMF", &[&[1; 16][..], &webp_chunk(b"VP8 ", b"pixels!")].concat());
    let webp = webp(&[webp_chunk(b"VP8X", &[2; 10]), frame]);
    let gif =
        [&b"GIF89a\x01\0\x01\0\x80\0\0"[..], &[9; 6], b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x01a\0\x3b"].concat();
    let mut frame = vec![0xff, 0xfb, 0x90, 0x64];
    frame.resize(417, 0x55);
    let mp3 = [&b"ID3\x04\0\0\0\0\0\x11"[..], CANARY, &frame.repeat(3)].concat();
    let page = |flags: u8, granule: u64, body: &[u8]| {
        let length = u8::try_from(body.len()).unwrap();
        [&b"OggS\0"[..], &[flags], &granule.to_le_bytes(), &[7; 12], &[1, length], body].concat()
    };
    let head = b"OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0";
    let opus = [page(2, 0, head), page(4, 48_000, b"sound")].concat();
    let webm = b"\x1a\x45\xdf\xa3\x84webm\x18\x53\x80\x67\x90\x15\x49\xa9\x66\x8b\x2a\xd7\xb1\x83\x0f\x42\x40\x44\x89\x82\0\x10";
    vec![
        ("image/jpeg", jpeg),
        ("image/png", png),
        ("image/webp", webp),
        ("image/gif", gif),
        ("audio/mpeg", mp3),
        ("audio/mpeg", b"ID3\x04\0\0\0\0\0\x01\0\xff\xfb\x90\x64\0\0APETAGEX".to_vec()),
        ("audio/mp4", film()),
        ("audio/ogg", opus),
        ("audio/webm", webm.to_vec()),
    ]
}

#[test]
fn whatever_is_uploaded_the_lookers_answer() {
    let files = sound_files();
    // Behind a byte that says which type it claims to be.
    let sound = (0_u8..).zip(&files).map(|(number, (_, file))| [&[number][..], file].concat()).collect();
    nova_testkit::fuzz::fuzz("media", sound, |input| {
        let (number, file) = input.split_first()?;
        let (content_type, _) = files[usize::from(*number) % files.len()];
        let begins = crate::format::begins_as(content_type, &file[..file.len().min(64)]);
        let plays_ms = duration_ms(content_type, file);
        let cleaned = clean(content_type, &Bytes::copy_from_slice(file));
        if let Some(cleaned) = &cleaned {
            assert!(cleaned.len() <= file.len() + 64, "{content_type}: cleaning adds");
            let again = clean(content_type, cleaned);
            assert_eq!(again.as_ref(), Some(cleaned), "{content_type}: what was cleaned is clean");
        }
        let left = cleaned.map(|cleaned| cleaned.len() * 16 / file.len().max(1));
        Some((content_type, begins, plays_ms.map(u64::checked_ilog2), left))
    });
}
