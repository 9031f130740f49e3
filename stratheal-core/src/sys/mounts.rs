//! What is mounted where, and which of it holds files of this machine.
//!
//! Source: `proc_pid_mountinfo(5)` and `proc_pid_mounts(5)`. `mountinfo` is read first, because it tells bind mounts from others.

use std::path::{Path, PathBuf};

use super::error::if_there;
use super::{Malformed, SysError, SysRoot};

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub mount_point: PathBuf,
    /// What, such as a device; free text for file systems without one.
    pub source: String,
    /// Type, such as `ext4`.
    pub fs_type: String,
    /// Options of the mount and of the file system.
    pub options: Vec<String>,
    /// Device number such as `254:0`; `None` when read from `/proc/mounts`, which does not tell.
    pub device: Option<String>,
    /// The folder inside the file system that is mounted; `/` unless it is a bind mount, a subvolume or a control group.
    pub root: String,
}

/// What a mount holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    /// Files on a disk of this machine.
    Local,
    /// Files of another machine or another program, so that asking may hang.
    Network,
    /// Files in memory.
    Memory,
    /// An image that cannot be written and is always full.
    Image,
    /// Views of the kernel, and layers over other mounts.
    Pseudo,
}

const NETWORK: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "afs",
    "coda",
    "ceph",
    "glusterfs",
    "lustre",
    "beegfs",
    "gpfs",
    "ocfs2",
    "gfs2",
    "9p",
    "virtiofs",
    "davfs",
    "orangefs",
    "autofs",
];
const LOCAL_WITHOUT_DEVICE: &[&str] = &["zfs", "btrfs", "bcachefs", "apfs", "hfs", "ufs", "ntfs"];
const IMAGE: &[&str] = &["squashfs", "iso9660", "udf", "erofs", "cramfs", "romfs"];

impl Mount {
    /// What it holds.
    #[must_use]
    pub fn kind(&self) -> MountKind {
        let fs_type = self.fs_type.as_str();
        if NETWORK.contains(&fs_type) || (fs_type.starts_with("fuse") && fs_type != "fuseblk") {
            return MountKind::Network;
        }
        if IMAGE.contains(&fs_type) {
            return MountKind::Image;
        }
        match fs_type {
            "tmpfs" | "ramfs" => MountKind::Memory,
            // The root of a container is a layer; every other layer only repeats what is mounted elsewhere.
            "overlay" | "aufs" if self.mount_point == Path::new("/") => MountKind::Local,
            "overlay" | "aufs" | "devtmpfs" => MountKind::Pseudo,
            _ if self.source.starts_with('/') || LOCAL_WITHOUT_DEVICE.contains(&fs_type) => MountKind::Local,
            _ => MountKind::Pseudo,
        }
    }

    /// Whether nothing can be written there.
    #[must_use]
    pub fn read_only(&self) -> bool {
        self.options.iter().any(|option| option == "ro")
    }

    /// What tells two views of one file system: the device number, else the source.
    fn identity(&self) -> &str {
        self.device.as_deref().unwrap_or(&self.source)
    }
}

/// Reads `/proc/<pid>/mountinfo`.
///
/// # Errors
/// [`Malformed`] when a line has too few fields.
pub fn parse_mountinfo(text: &str) -> Result<Vec<Mount>, Malformed> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| mountinfo_line(line).ok_or_else(|| Malformed::new("no line of mountinfo", line))).collect()
}

fn mountinfo_line(line: &str) -> Option<Mount> {
    let mut fields = line.split_ascii_whitespace();
    let device = fields.nth(2)?.to_owned();
    let root = unescape(fields.next()?);
    let mount_point = PathBuf::from(unescape(fields.next()?));
    let mut options: Vec<String> = fields.next()?.split(',').map(str::to_owned).collect();
    // Any number of optional fields stands before the separator.
    fields.find(|field| *field == "-")?;
    let fs_type = fields.next()?.to_owned();
    let source = unescape(fields.next()?);
    for option in fields.next().unwrap_or_default().split(',') {
        if !options.iter().any(|known| known == option) {
            options.push(option.to_owned());
        }
    }
    Some(Mount { mount_point, source, fs_type, options, device: Some(device), root })
}

/// Reads `/proc/mounts`.
///
/// # Errors
/// [`Malformed`] when a line has too few fields.
pub fn parse_mounts(text: &str) -> Result<Vec<Mount>, Malformed> {
    let line = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        Some(Mount {
            source: unescape(fields.next()?),
            mount_point: PathBuf::from(unescape(fields.next()?)),
            fs_type: fields.next()?.to_owned(),
            options: fields.next()?.split(',').map(str::to_owned).collect(),
            device: None,
            root: "/".to_owned(),
        })
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|text| line(text).ok_or_else(|| Malformed::new("no line of mounts", text))).collect()
}

/// Undoes the kernel's escapes: `\040` is a blank.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let octal = |place: usize, most: u8| bytes.get(place).filter(|b| (b'0'..=most).contains(*b)).map(|b| b - b'0');
        if bytes[at] == b'\\'
            && let (Some(high), Some(middle), Some(low)) =
                (octal(at + 1, b'3'), octal(at + 2, b'7'), octal(at + 3, b'7'))
        {
            plain.push(high * 64 + middle * 8 + low);
            at += 4;
        } else {
            plain.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// All mounts this process can see.
///
/// # Errors
/// [`SysError`] when they cannot be read.
pub fn read(root: &SysRoot) -> Result<Vec<Mount>, SysError> {
    if root.lacks_proc() {
        return Ok(super::elsewhere::mounts());
    }
    match if_there(root.parse("proc/self/mountinfo", parse_mountinfo))? {
        Some(mounts) => Ok(mounts),
        None => root.parse("proc/mounts", parse_mounts),
    }
}

/// The mounts worth watching: disks of this machine, and network mounts when asked for, each file system once and under its
/// shortest name.
#[must_use]
pub fn worth_watching(mounts: &[Mount], network: bool) -> Vec<Mount> {
    let mut chosen: Vec<Mount> = Vec::new();
    for (place, mount) in mounts.iter().enumerate() {
        let wanted = match mount.kind() {
            MountKind::Local => true,
            // The trigger of an automatic mount is not what gets mounted.
            MountKind::Network => network && mount.fs_type != "autofs",
            MountKind::Memory | MountKind::Image | MountKind::Pseudo => false,
        };
        // A later mount on the same place hides the earlier one.
        let hidden = mounts[place + 1..].iter().any(|later| later.mount_point == mount.mount_point);
        if !wanted || hidden {
            continue;
        }
        match chosen.iter_mut().find(|other| other.identity() == mount.identity()) {
            None => chosen.push(mount.clone()),
            Some(other) if rank(mount) < rank(other) => *other = mount.clone(),
            Some(_) => {}
        }
    }
    chosen.sort_by(|a, b| a.mount_point.cmp(&b.mount_point));
    chosen
}

/// Whole file systems before parts of them, what can be written before what cannot, short paths before long ones.
fn rank(mount: &Mount) -> (bool, bool, usize) {
    (mount.root != "/", mount.read_only(), mount.mount_point.components().count())
}

/// The mount a path lies on: the longest mount point that contains it, the last of those mounted there.
#[must_use]
pub fn containing<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let holding = mounts.iter().filter(|mount| path.starts_with(&mount.mount_point));
    holding.max_by_key(|mount| mount.mount_point.components().count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MOUNTINFO: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard
40 27 254:0 /srv/a\\040b /mnt/bind\\040here rw - ext4 /dev/vda rw
41 27 254:16 / /data ro,relatime - xfs /dev/vdb rw
42 27 0:50 / /net rw - nfs4 server:/export rw
43 27 0:51 / /tmp rw - tmpfs tmpfs rw
44 27 7:1 / /snap/x ro - squashfs /dev/loop1 ro
45 27 0:60 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,lowerdir=/a:/b
46 27 254:32 / /old rw - ext4 /dev/vdc rw
47 27 254:48 / /old rw - ext4 /dev/vdd rw
48 27 0:61 / /run/user/fuse rw - fuse.sshfs me@host: rw
";

    #[test]
    fn reads_mountinfo() {
        let mounts = parse_mountinfo(MOUNTINFO).unwrap();
        assert_eq!(mounts.len(), 11);
        assert_eq!(mounts[2].mount_point, Path::new("/mnt/bind here"));
        assert_eq!(mounts[2].root, "/srv/a b");
        assert_eq!(mounts[1].options, ["rw", "relatime", "discard"]);
        assert!(mounts[3].read_only() && !mounts[1].read_only());
        assert!(parse_mountinfo("22 27 0:21 / /proc rw,relatime").is_err());
    }

    #[test]
    fn reads_mounts_with_escapes() {
        let mounts = parse_mounts("/dev/sda1 /a\\040b\\011c\\134d ext4 rw,relatime 0 0\n").unwrap();
        assert_eq!(mounts[0].mount_point, Path::new("/a b\tc\\d"));
        assert_eq!(unescape("\\04 \\999 \\400 x\\"), "\\04 \\999 \\400 x\\");
        assert!(parse_mounts("one two").is_err());
    }

    #[test]
    fn each_disk_is_watched_once() {
        let mounts = parse_mountinfo(MOUNTINFO).unwrap();
        let names = |network| -> Vec<String> {
            let chosen = worth_watching(&mounts, network);
            chosen.iter().map(|mount| mount.mount_point.display().to_string()).collect()
        };
        assert_eq!(names(false), ["/", "/data", "/old"]);
        assert_eq!(names(true), ["/", "/data", "/net", "/old", "/run/user/fuse"]);
        let old = worth_watching(&mounts, false).into_iter().find(|mount| mount.mount_point == Path::new("/old"));
        assert_eq!(old.unwrap().source, "/dev/vdd");
    }

    #[test]
    fn a_container_root_is_watched() {
        let mounts =
            parse_mounts("overlay / overlay rw 0 0\n/dev/sda1 /etc/hosts ext4 rw 0 0\n/dev/sda1 /data ext4 rw 0 0\n");
        let chosen = worth_watching(&mounts.unwrap(), false);
        assert_eq!(chosen.iter().map(|mount| mount.mount_point.to_str().unwrap()).collect::<Vec<_>>(), ["/", "/data"]);
    }

    #[test]
    fn the_longest_mount_contains_a_path() {
        let mounts = parse_mountinfo(MOUNTINFO).unwrap();
        assert_eq!(containing(&mounts, Path::new("/old/x/y")).unwrap().source, "/dev/vdd");
        assert_eq!(containing(&mounts, Path::new("/older")).unwrap().mount_point, Path::new("/"));
    }

    #[test]
    fn this_host_has_mounts() {
        assert!(!read(&SysRoot::default()).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(text in "([0-7a-z/\\\\ \n-]|\\\\040|rw|254:0){0,60}") {
            let _ = parse_mountinfo(&text);
            let _ = parse_mounts(&text).map(|mounts| worth_watching(&mounts, true));
        }
    }
}
