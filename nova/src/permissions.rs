//! Keeps other users of the machine out of the data folder. It holds private messages and keys, so everything in it is for its owner only: the
//! process creates folders with mode 0700 and files with mode 0600, whatever umask it was started with.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::Mode;
use rustix::process::umask;

const GROUP_AND_OTHERS: u32 = 0o077;

/// Takes every right of the group and of others from the files that this process creates from now on. Call it before
/// any thread is started.
pub fn restrict_umask() {
    umask(Mode::from_raw_mode(GROUP_AND_OTHERS));
}

/// Closes an empty data folder to other users of the machine. Of one that holds something it logs one warning, with the
/// remedy, and changes nothing: an operator may have opened it on purpose. One look is enough: in a closed folder everything
/// is out of their reach, whatever its own mode is.
pub(crate) fn warn_if_exposed(data: &Path) {
    let is_new = data.read_dir().is_ok_and(|mut entries| entries.next().is_none());
    if is_new && data.metadata().is_ok_and(|found| found.is_dir()) {
        let closed = std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700));
        if closed.is_ok() {
            return;
        }
    }
    match mode_of(data) {
        Ok(mode) if mode & GROUP_AND_OTHERS != 0 => tracing::warn!(
            path = %data.display(),
            mode = format_args!("{mode:04o}"),
            remedy = format_args!("chmod -R go-rwx {}", data.display()),
            "other users of this machine can get at the data folder, which holds private messages and keys"
        ),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, "cannot look at the mode of the data folder"),
    }
}

fn mode_of(path: &Path) -> io::Result<u32> {
    Ok(path.metadata()?.permissions().mode() & 0o777)
}
