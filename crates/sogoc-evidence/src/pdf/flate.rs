//! Filters of streams: Flate with PNG predictors, which is what cross-reference and object streams are written with.

use flate2::{Decompress, FlushDecompress, Status};

use super::object::{Dictionary, Fault, Object};

/// Unpacks `data` as its dictionary says, to at most `limit` bytes.
///
/// # Errors
///
/// [`Fault::TooLarge`] where it would be more; [`Fault::Malformed`] where it is damaged, or filtered otherwise.
pub(crate) fn decoded(dictionary: &Dictionary, data: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    let first = |object: &Object| match object.as_array() {
        Some([]) => Ok(None),
        Some([one]) => Ok(Some(one.clone())),
        Some(_) => Err(Fault::Malformed),
        None => Ok(Some(object.clone())),
    };
    let filter = dictionary.get(b"Filter").map(first).transpose()?.flatten();
    let parameters = dictionary.get(b"DecodeParms").map(first).transpose()?.flatten();
    match filter {
        None | Some(Object::Null) if data.len() <= limit => Ok(data.to_vec()),
        None | Some(Object::Null) => Err(Fault::TooLarge),
        Some(Object::Name(name)) if matches!(name.as_slice(), b"FlateDecode" | b"Fl") => {
            let bytes = inflated(data, limit)?;
            match parameters {
                None | Some(Object::Null) => Ok(bytes),
                Some(Object::Dictionary(parameters)) => unpredicted(bytes, &parameters),
                Some(_) => Err(Fault::Malformed),
            }
        }
        Some(_) => Err(Fault::Malformed),
    }
}

fn inflated(data: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    let mut inflater = Decompress::new(true);
    let mut bytes = Vec::with_capacity(data.len().saturating_mul(3).clamp(256, limit.max(256)).min(1 << 20));
    loop {
        let (read, written) = (inflater.total_in(), inflater.total_out());
        let rest = &data[usize::try_from(read).map_err(|_| Fault::TooLarge)?..];
        let status = inflater.decompress_vec(rest, &mut bytes, FlushDecompress::None).map_err(|_| Fault::Malformed)?;
        if bytes.len() > limit {
            return Err(Fault::TooLarge);
        }
        if status == Status::StreamEnd {
            return Ok(bytes);
        }
        if bytes.len() == bytes.capacity() {
            bytes.reserve(bytes.len().max(256).min(limit.saturating_add(1)));
        } else if read == inflater.total_in() && written == inflater.total_out() {
            // Cut short: what a lenient reader would make of it is not asked.
            return Err(Fault::Malformed);
        }
    }
}

/// Undoes PNG prediction (ISO 32000-1 §7.4.4.4). TIFF prediction is not met where this is used.
fn unpredicted(bytes: Vec<u8>, parameters: &Dictionary) -> Result<Vec<u8>, Fault> {
    let number = |key: &[u8], otherwise: usize, most: usize| match parameters.get(key) {
        None => Ok(otherwise),
        Some(value) => value.as_size().filter(|value| (1..=most).contains(value)).ok_or(Fault::Malformed),
    };
    match number(b"Predictor", 1, 15)? {
        1 => return Ok(bytes),
        10.. => {}
        _ => return Err(Fault::Malformed),
    }
    let bits = number(b"BitsPerComponent", 8, 16)? * number(b"Colors", 1, 64)?;
    let row = (bits * number(b"Columns", 1, 1 << 20)?).div_ceil(8);
    let pixel = bits.div_ceil(8);
    let mut output = Vec::with_capacity(bytes.len());
    for line in bytes.chunks(row + 1) {
        let (kind, line) = line.split_first().ok_or(Fault::Malformed)?;
        let start = output.len();
        for (column, value) in line.iter().enumerate() {
            let left = if column >= pixel { output[start + column - pixel] } else { 0 };
            let above = if start >= row { output[start - row + column] } else { 0 };
            let corner = if start >= row && column >= pixel { output[start - row + column - pixel] } else { 0 };
            let predicted = match kind {
                0 => 0,
                1 => left,
                2 => above,
                3 => ((u16::from(left) + u16::from(above)) / 2).to_le_bytes()[0],
                4 => paeth(left, above, corner),
                _ => return Err(Fault::Malformed),
            };
            output.push(value.wrapping_add(predicted));
        }
    }
    Ok(output)
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(above) - i16::from(corner);
    let distance = |value: u8| (estimate - i16::from(value)).abs();
    if distance(left) <= distance(above) && distance(left) <= distance(corner) {
        left
    } else if distance(above) <= distance(corner) {
        above
    } else {
        corner
    }
}
