//! Stand-in.
/// Damaged.
#[derive(Debug, thiserror::Error)]
#[error("corrupt")]
pub struct Corrupt;
/// Packs.
pub fn pack(text: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(text, 3).unwrap_or_default()
}
/// Unpacks.
///
/// # Errors
/// Corrupt
pub fn unpack(packed: &[u8], out: &mut Vec<u8>) -> Result<(), Corrupt> {
    *out = zstd::stream::decode_all(packed).map_err(|_| Corrupt)?;
    Ok(())
}
