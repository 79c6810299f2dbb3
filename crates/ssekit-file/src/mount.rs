//! The kind of file system that a folder is on.

use std::path::{Path, PathBuf};

/// File systems of several machines. Their locks may work, but the memory that SQLite's processes share is one machine's.
const OF_SEVERAL_MACHINES: [&str; 11] =
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "fuse.sshfs", "fuse.glusterfs", "lustre", "afs", "gfs2"];

/// The kind of a folder's file system, if it belongs to several machines.
pub(crate) fn network_kind_of(dir: &Path) -> Option<String> {
    kind_of(dir).filter(|kind| OF_SEVERAL_MACHINES.contains(&kind.as_str()))
}

/// The kind of a folder's file system.
pub(crate) fn kind_of(dir: &Path) -> Option<String> {
    let dir = dir.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    kind_in(&mounts, &dir)
}

/// See proc(5). The last of several mounts at one place is on top of the others.
fn kind_in(mounts: &str, dir: &Path) -> Option<String> {
    let mount = |line: &str| {
        let (place, source) = line.split_once(" - ")?;
        let point = PathBuf::from(unescaped(place.split(' ').nth(4)?));
        dir.starts_with(&point).then(|| (point, source.split(' ').next().unwrap_or_default().to_owned()))
    };
    let depth = |(point, _): &(PathBuf, String)| point.components().count();
    mounts.lines().filter_map(mount).max_by_key(depth).map(|(_, kind)| kind)
}

/// Spaces, tabs, line feeds and backslashes are in octal.
fn unescaped(text: &str) -> String {
    let octal = [(r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", r"\")];
    octal.iter().fold(text.to_owned(), |text, (code, character)| text.replace(code, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:5 / /srv rw shared:2 master:1 - nfs4 host:/srv rw
31 30 0:6 / /srv/my\\040app rw - tmpfs tmpfs rw
32 31 0:7 / /srv/my\\040app rw - xfs /dev/b rw
nonsense
";

    #[test]
    fn innermost_mount_decides() {
        for (dir, kind) in [
            ("/", "ext4"),
            ("/srvx/data", "ext4"),
            ("/srv", "nfs4"),
            ("/srv/other/data", "nfs4"),
            ("/srv/my app/data", "xfs"),
        ] {
            assert_eq!(kind_in(MOUNTS, Path::new(dir)).as_deref(), Some(kind), "{dir}");
        }
        assert_eq!(kind_in("", Path::new("/")), None);
    }

    #[test]
    fn local_disk_is_not_one_of_several_machines() {
        assert!(kind_of(&std::env::temp_dir()).is_some());
        assert_eq!(network_kind_of(&std::env::temp_dir()), None);
    }
}
