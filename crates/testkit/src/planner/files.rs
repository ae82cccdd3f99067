//! The files that rows name: real JPEG photos and small PDF documents, below one root folder.

use super::{Error, Result, layout::Layout};
use crate::photos::{self, Shape};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Photos of the first weddings are each rendered; those of later ones are files of a few pictures, different only in a
/// comment, because rendering thousands takes minutes.
const RENDERED_WEDDINGS: u32 = 2;
const PICTURES: u64 = 16;

/// One photo.
pub struct Photo {
    pub path: String,
    pub size_bytes: u64,
    pub shape: Shape,
}

/// Writes files as their rows are made; without a root, only says how they are called.
pub struct Files<'a> {
    root: Option<&'a Path>,
    pictures: Vec<Vec<u8>>,
    pub written: u64,
    pub written_bytes: u64,
}

impl<'a> Files<'a> {
    pub fn new(root: Option<&'a Path>) -> Self {
        Self { root, pictures: Vec::new(), written: 0, written_bytes: 0 }
    }

    /// Photo `part` of a wedding.
    pub fn photo(&mut self, layout: &Layout, wedding: u32, part: u32) -> Result<Photo> {
        let path = format!("photos/{}/{:04}.jpg", layout.wedding(wedding), part + 1);
        let mut draw = layout.draw("picture", wedding.wrapping_mul(100_003).wrapping_add(part));
        let rendered = wedding < RENDERED_WEDDINGS;
        let seed = if rendered { draw.bits() } else { draw.below(PICTURES) };
        let shape = Shape::of(seed);
        let Some(root) = self.root else {
            return Ok(Photo { path, size_bytes: 40_000 + draw.below(80_000), shape });
        };
        let file = if rendered { photos::jpeg(seed) } else { photos::with_comment(self.picture(seed), &path) };
        self.write(root, &path, &file)?;
        Ok(Photo { path, size_bytes: file.len() as u64, shape })
    }

    /// Document `part` of a wedding: its path.
    pub fn document(&mut self, layout: &Layout, wedding: u32, part: u32) -> Result<String> {
        let path = format!("documents/{}/{}.pdf", layout.wedding(wedding), layout.document(wedding, part));
        let Some(root) = self.root else { return Ok(path) };
        let file = pdf(&format!("Agreement {} of wedding {}", part + 1, layout.wedding(wedding)));
        self.write(root, &path, &file)?;
        Ok(path)
    }

    fn picture(&mut self, seed: u64) -> &[u8] {
        while (self.pictures.len() as u64) <= seed {
            self.pictures.push(photos::jpeg(self.pictures.len() as u64));
        }
        self.pictures.get(seed as usize).expect("it was just made")
    }

    fn write(&mut self, root: &Path, path: &str, content: &[u8]) -> Result<()> {
        let full = root.join(path);
        let folder = full.parent().expect("paths of files have a folder");
        fs::create_dir_all(folder).map_err(at(folder))?;
        fs::write(&full, content).map_err(at(&full))?;
        self.written += 1;
        self.written_bytes += content.len() as u64;
        Ok(())
    }
}

pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = PathBuf::from(path);
    move |source| Error::File { path, source }
}

/// A PDF of one page with one line of ASCII.
fn pdf(line: &str) -> Vec<u8> {
    let drawing = format!("BT /F1 18 Tf 72 720 Td ({line}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{drawing}\nendstream", drawing.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let (mut file, mut table) = (String::from("%PDF-1.4\n"), String::from("0000000000 65535 f \n"));
    for (number, object) in (1..).zip(&objects) {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let (start, count) = (file.len(), objects.len() + 1);
    file.push_str(&format!(
        "xref\n0 {count}\n{table}trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    ));
    file.into_bytes()
}
