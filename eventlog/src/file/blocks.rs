//! The carrier of an index file: a row of bytes cut into blocks of 4 KiB that each end in their checksum, so that every
//! small read is checked. The checksum covers the block's number and starts from the log's id.

use std::fs::File;
use std::io::{self, Write};

use super::disk::read_at;
use super::format::{Seed, u32_at};

const BLOCK_BYTES: usize = 4096;
const CARRIED_BYTES: usize = BLOCK_BYTES - 4;

pub(crate) struct BlockWriter<W> {
    out: W,
    block: Vec<u8>,
    number: u32,
    seed: Seed,
}

fn block_crc(seed: Seed, number: u32, carried: &[u8]) -> u32 {
    crc32c::crc32c_append(seed.crc(&number.to_le_bytes()), carried)
}

impl<W: Write> BlockWriter<W> {
    pub(crate) fn new(out: W, seed: Seed) -> Self {
        Self { out, block: Vec::with_capacity(BLOCK_BYTES), number: 0, seed }
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let taken = bytes.len().min(CARRIED_BYTES - self.block.len());
            self.block.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.block.len() == CARRIED_BYTES {
                self.end_block()?;
            }
        }
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        self.block.resize(CARRIED_BYTES, 0);
        let crc = block_crc(self.seed, self.number, &self.block);
        self.block.extend_from_slice(&crc.to_le_bytes());
        self.out.write_all(&self.block)?;
        self.block.clear();
        self.number += 1;
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

/// How long the file is that carries this many bytes.
pub(crate) fn file_bytes(carried: u64) -> u64 {
    carried.div_ceil(CARRIED_BYTES as u64) * BLOCK_BYTES as u64
}

/// Reads `bytes` carried bytes from `at` on. A block that is damaged or missing is `InvalidData`.
pub(crate) fn read_blocks(file: &File, seed: Seed, at: u64, bytes: usize) -> io::Result<Vec<u8>> {
    if bytes == 0 {
        return Ok(Vec::new());
    }
    let first = at / CARRIED_BYTES as u64;
    let last = (at + bytes as u64 - 1) / CARRIED_BYTES as u64;
    let mut raw = Vec::with_capacity((last - first + 1) as usize * BLOCK_BYTES);
    read_at(file, &mut raw, first * BLOCK_BYTES as u64)?;
    let mut carried = Vec::with_capacity(bytes);
    let mut skip = (at - first * CARRIED_BYTES as u64) as usize;
    for (number, block) in (first..=last).zip(raw.chunks(BLOCK_BYTES)) {
        let intact = block.len() == BLOCK_BYTES
            && block_crc(seed, number as u32, &block[..CARRIED_BYTES]) == u32_at(block, CARRIED_BYTES);
        if !intact {
            let problem = format!("block {number} of the index is damaged");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        let taken = (CARRIED_BYTES - skip).min(bytes - carried.len());
        carried.extend_from_slice(&block[skip..skip + taken]);
        skip = 0;
    }
    if carried.len() == bytes {
        Ok(carried)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the index ends early"))
    }
}
