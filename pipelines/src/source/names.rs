//! Names for scenes: safe in a file name, and each used once.

use std::collections::HashSet;
use std::path::Path;

/// The most bytes a stem may have: the rest of a file name is for the tile's row, column and format.
const STEM_BYTES_MAX: usize = 150;

/// The stems given out so far.
#[derive(Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// `stem`, or `stem-2`, `stem-3` … when it is taken.
    pub(super) fn unique(&mut self, stem: &str) -> String {
        let mut name = stem.to_owned();
        let mut number = 2_u32;
        while !self.0.insert(name.clone()) {
            name = format!("{stem}-{number}");
            number += 1;
        }
        name
    }
}

/// The safe stem of a file's name.
pub(super) fn stem_of(path: &Path) -> String {
    path.file_stem().map_or_else(|| safe(""), |stem| safe(&stem.to_string_lossy()))
}

/// Makes `stem` safe as the beginning of a file name: no separators or control characters, no leading
/// dot, not empty, not overlong.
pub(super) fn safe(stem: &str) -> String {
    let mut name: String = stem
        .trim_start_matches('.')
        .chars()
        .map(|c| if c.is_control() || "/\\:*?\"<>|,".contains(c) { '_' } else { c })
        .collect();
    name.truncate(name.floor_char_boundary(STEM_BYTES_MAX));
    if name.is_empty() { "image".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stems_are_numbered_and_never_collide() {
        let mut names = Names::default();
        let given: Vec<_> =
            ["a", "a-2", "a", "a", "b"].into_iter().map(|n| names.unique(n)).collect();
        assert_eq!(given, ["a", "a-2", "a-3", "a-4", "b"]);
    }

    #[test]
    fn stems_are_made_safe() {
        for (stem, name) in [
            ("scene", "scene"),
            ("../../etc/passwd", "_.._etc_passwd"),
            (".hidden", "hidden"),
            ("...", "image"),
            ("", "image"),
            ("a\nb\0c", "a_b_c"),
            ("a\\b,c", "a_b_c"),
            ("Görlitz süd", "Görlitz süd"),
        ] {
            assert_eq!(safe(stem), name, "{stem:?}");
        }
        assert!(safe(&"ü".repeat(200)).len() <= STEM_BYTES_MAX);
        assert_eq!(stem_of(Path::new("/")), "image");
        assert_eq!(stem_of(Path::new("dir/scene.v2.tif")), "scene.v2");
    }
}
