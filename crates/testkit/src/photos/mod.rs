//! Real JPEG photos of weddings that never were: a sky, a ground, lights and grain, rendered from a number.
//!
//! The same number gives the same bytes on every machine. The grain makes them as hard to compress as camera files,
//! which is what a backup meets; the drawing makes them photos that any viewer opens.

use crate::draw::Draw;
use jpeg_encoder::{ColorType, Encoder};

/// How a photo is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Pixels from left to right.
    pub width: u16,
    /// Pixels from top to bottom.
    pub height: u16,
    /// JPEG quality, 1-100.
    pub quality: u8,
}

impl Shape {
    /// The shape of photo `seed`: small pictures at high quality, now and then a larger one, so that a hundred of them are
    /// made in little more than a second, unoptimised.
    pub fn of(seed: u64) -> Self {
        let mut draw = Draw::new(&[seed, 1]);
        if draw.chance(4) {
            return Self { width: 480, height: 320, quality: 95 };
        }
        let (width, height) = draw.pick(&[(240, 160), (160, 240), (256, 176), (192, 192)]);
        Self { width, height, quality: draw.pick(&[96, 97, 98]) }
    }
}

/// Photo `seed` in its own shape; about 40 to 200 KB.
pub fn jpeg(seed: u64) -> Vec<u8> {
    render(seed, Shape::of(seed))
}

/// Photo `seed` in a given shape: 1600 x 1200 at quality 92 has about 1.4 MB.
pub fn render(seed: u64, shape: Shape) -> Vec<u8> {
    let pixels = paint(seed, usize::from(shape.width), usize::from(shape.height));
    let mut file = Vec::with_capacity(pixels.len() / 2);
    Encoder::new(&mut file, shape.quality)
        .encode(&pixels, shape.width, shape.height, ColorType::Rgb)
        .expect("a vector takes all bytes and the sides are not zero");
    file
}

/// A different file of the same picture: photo `jpeg` with a comment, as editing programs leave them.
///
/// Far cheaper than another picture, and mostly equal in content, so not for measuring deduplication.
pub fn with_comment(jpeg: &[u8], comment: &str) -> Vec<u8> {
    let (start, rest) = jpeg.split_at_checked(2).expect("a JPEG begins with its marker");
    let length = u16::try_from(comment.len() + 2).expect("a comment has at most 65533 bytes");
    [start, &[0xff, 0xfe], &length.to_be_bytes(), comment.as_bytes(), rest].concat()
}

/// RGB pixels, row by row. Plain loops over whole rows, because tests run this unoptimised.
fn paint(seed: u64, width: usize, height: usize) -> Vec<u8> {
    let mut draw = Draw::new(&[seed, 2]);
    let stride = width * 3;
    // Grain first: it is the one thing that every pixel has of its own.
    let mut pixels = vec![0; stride * height];
    pixels.chunks_mut(8).for_each(|part| part.copy_from_slice(draw.bits().to_le_bytes().split_at(part.len()).0));
    let (sky, ground) = (draw.colour(), draw.colour());
    let horizon = height / 3 + draw.below(1 + height as u64 / 3) as usize;
    let lights: Vec<Light> = (0..3 + draw.below(5)).map(|_| Light::draw(&mut draw, width, height)).collect();
    let mut row = vec![0_u8; stride];
    for (y, line) in pixels.chunks_exact_mut(stride).enumerate() {
        let base = if y < horizon { shade(sky, y, horizon) } else { shade(ground, height - y, height - horizon) };
        row.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&base));
        for light in &lights {
            light.draw_row(y, &mut row);
        }
        for (grain, colour) in line.iter_mut().zip(&row) {
            *grain = (*grain >> 3).wrapping_add(*colour);
        }
    }
    pixels
}

/// A colour that grows lighter from 0 to `full`, leaving room for the grain.
fn shade(colour: [u8; 3], at: usize, full: usize) -> [u8; 3] {
    colour.map(|part| (usize::from(part) / 2 + usize::from(part) * at / (2 * full.max(1))).min(223) as u8)
}

/// A bright disc.
struct Light {
    x: usize,
    y: usize,
    radius: usize,
    colour: [u8; 3],
}

impl Light {
    fn draw(draw: &mut Draw, width: usize, height: usize) -> Self {
        Self {
            x: draw.below(width as u64) as usize,
            y: draw.below(height as u64) as usize,
            radius: 4 + draw.below(height as u64 / 6 + 1) as usize,
            colour: draw.colour().map(|part| 120 + part / 3),
        }
    }

    fn draw_row(&self, y: usize, row: &mut [u8]) {
        let away = self.y.abs_diff(y);
        if away > self.radius {
            return;
        }
        let half = (self.radius * self.radius - away * away).isqrt();
        let (from, to) = (self.x.saturating_sub(half), (self.x + half).min(row.len() / 3));
        if let Some(part) = row.get_mut(from * 3..to * 3) {
            part.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&self.colour));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn photos_are_real_different_and_always_the_same() {
        let photos: Vec<Vec<u8>> = (0..20).map(jpeg).collect();
        for photo in &photos {
            assert!((30_000..400_000).contains(&photo.len()), "{} bytes", photo.len());
            assert_eq!((&photo[..4], &photo[photo.len() - 2..]), (&[0xff, 0xd8, 0xff, 0xe0][..], &[0xff, 0xd9][..]));
        }
        assert_eq!(photos.iter().collect::<HashSet<_>>().len(), photos.len());
        assert_eq!(photos[3], jpeg(3));
    }

    #[test]
    fn a_comment_makes_another_file_of_the_same_picture() {
        let (photo, other) = (jpeg(1), with_comment(&jpeg(1), "for the album"));
        assert_eq!(other.len(), photo.len() + 4 + 13);
        assert_eq!((&other[..4], &other[4..6]), (&[0xff, 0xd8, 0xff, 0xfe][..], &[0, 15][..]));
        assert!(other.ends_with(&photo[2..]));
    }
}
