//! An image as a file holds it: what its first bytes say that it is, and how large its header says it is.
//! Nothing is decoded. Refuses one that is larger than models take.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use imagesize::ImageType;

use crate::types::FileImage;

/// The most bytes of an image; the host refuses more.
const MOST: usize = 5 << 20;

/// The image that these bytes are; none where they are none that models take.
pub(crate) fn image(bytes: &[u8]) -> Result<Option<FileImage>, String> {
    let known = matches!(
        imagesize::image_type(bytes),
        Ok(ImageType::Png | ImageType::Jpeg | ImageType::Gif | ImageType::Webp)
    );
    if !known {
        return Ok(None);
    }
    if bytes.len() > MOST {
        return Err(format!(
            "it is an image of {} bytes, and one of more than {} MiB is shown to no model",
            bytes.len(),
            MOST >> 20
        ));
    }
    // A header that is cut or lies tells no size; the image is what it is.
    let pixels = imagesize::blob_size(bytes)
        .ok()
        .and_then(|size| Some((u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?)));
    Ok(Some(FileImage { data: STANDARD.encode(bytes), pixels }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of a PNG of this width and height.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0]);
        bytes
    }

    #[test]
    fn a_header_tells_the_size() {
        let Ok(Some(image)) = image(&png(640, 480)) else { panic!() };
        assert_eq!(image.pixels, Some((640, 480)));
        assert_eq!(STANDARD.decode(image.data).ok(), Some(png(640, 480)));
    }

    #[test]
    fn a_size_that_nothing_could_hold_is_told_and_nothing_is_made_of_it() {
        let Ok(Some(image)) = image(&png(u32::MAX, u32::MAX)) else { panic!() };
        assert_eq!(image.pixels, Some((u32::MAX, u32::MAX)));
    }

    #[test]
    fn what_is_none_is_none() {
        for bytes in [&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], b"", b"\x89PN", b"II*\0"] {
            assert_eq!(image(bytes), Ok(None), "{bytes:?}");
        }
        let mut large = png(1, 1);
        large.resize(MOST + 1, 0);
        assert!(image(&large).is_err());
    }

    #[test]
    fn a_header_that_is_cut_tells_no_size() {
        let Ok(Some(image)) = image(&png(640, 480)[..14]) else { panic!() };
        assert_eq!(image.pixels, None);
    }
}
