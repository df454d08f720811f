//! Keeping the SQL mirror where the register is.

use sogoc_register::mirror::{Mirror, MirrorError, Mirrored};

use crate::open::App;

impl App {
    /// Builds the mirror anew beside the old one and swaps it in.
    ///
    /// # Errors
    /// [`MirrorError`]; the mirror stays as it was.
    pub async fn rebuild_mirror(&self) -> Result<Mirrored, MirrorError> {
        let copy = self.register().overlay();
        self.mirror().rebuild(&copy, self.now()).await
    }

    /// Brings a mirror that was built before to where the register is; where there is none, there stays none.
    ///
    /// # Errors
    /// [`MirrorError`]; the mirror stays as it was.
    pub async fn follow_mirror(&self) -> Result<Option<Mirrored>, MirrorError> {
        self.mirror().follow(|| self.register().overlay(), self.now()).await
    }

    /// A writer under a name that no other process has.
    fn mirror(&self) -> Mirror {
        let [a, b, c, d, ..] = self.shared.holder;
        Mirror::new(self.log().clone(), format!("{}-{a:02x}{b:02x}{c:02x}{d:02x}", std::process::id()))
    }
}
