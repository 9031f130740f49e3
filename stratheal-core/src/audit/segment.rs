//! The files of a log: their names, finding and opening them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::lines::Lines;
use crate::base::fs::named;

/// One file of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) path: PathBuf,
}

impl Segment {
    pub(super) fn new(folder: &Path, number: u64) -> Self {
        Self { number, path: folder.join(format!("{number:06}.log")) }
    }

    /// Its name, for people.
    pub(super) fn name(&self) -> String {
        format!("{:06}.log", self.number)
    }

    /// Opens it for reading. A link or anything but a plain file is refused: it could lead anywhere, or never end.
    pub(super) fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        no_follow(options.read(true));
        let file = options.open(&self.path).map_err(|error| named(&self.path, &error))?;
        if !file.metadata()?.is_file() {
            let problem = format!("{}: not a plain file", self.path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        Ok(file)
    }

    pub(super) fn lines(&self) -> io::Result<Lines<BufReader<File>>> {
        Ok(Lines::new(BufReader::with_capacity(64 * 1024, self.open()?)))
    }

    /// Makes it, for appending.
    pub(super) fn create(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        no_follow(options.append(true).create_new(true));
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.path).map_err(|error| named(&self.path, &error))
    }

    /// Opens it for appending.
    pub(super) fn append(&self) -> io::Result<File> {
        // Refuses what is no plain file.
        self.open()?;
        let mut options = OpenOptions::new();
        no_follow(options.append(true));
        options.open(&self.path).map_err(|error| named(&self.path, &error))
    }
}

/// Links are refused on Unix only.
fn no_follow(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        use rustix::fs::OFlags;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed());
    }
    #[cfg(not(unix))]
    let _ = options;
}

/// The number in the name of a segment.
fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    // One number has one name, so that no two files claim it.
    (digits == format!("{number:06}")).then_some(number)
}

/// The segments of a folder in order. A folder that is missing has none.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Segment>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| named(folder, &error))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| named(folder, &error))?;
        if let Some(number) = entry.file_name().to_str().and_then(parse_name) {
            found.push(Segment::new(folder, number));
        }
    }
    found.sort_by_key(|segment| segment.number);
    Ok(found)
}

/// Waits until names in a folder are on the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(|error| named(folder, &error))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_number_has_one_name() {
        for (name, number) in [
            ("000001.log", Some(1)),
            ("1234567.log", Some(1_234_567)),
            ("1.log", None),
            ("0000001.log", None),
            ("000000.log", None),
            ("+00001.log", None),
            ("000001.log.torn", None),
        ] {
            assert_eq!(parse_name(name), number, "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(name in "\\PC{0,30}", digits in "[0-9]{0,30}\\.log") {
            let _ = (parse_name(&name), parse_name(&digits));
        }
    }
}
