//! Provenance, made by the very call that makes the value.
//!
//! What computes a figure is generic over a [`Trail`]: the same code runs with [`NoTrail`] where only values are wanted,
//! and the compiler leaves the rest out. There is no second path that could disagree.

use std::borrow::Cow;

use crate::register::Cut;

/// Takes down how a value came about.
pub(crate) trait Trail {
    /// Whether anything is taken down.
    const KEEPS: bool;
    /// The formula, with the names of figures.
    fn formula(&mut self, formula: impl FnOnce() -> Cow<'static, str>);
    /// A figure that went in, by its address.
    fn figure(&mut self, address: impl FnOnce() -> String);
    /// A figure that went in as of another position.
    fn figure_as_of(&mut self, cut: Cut, address: impl FnOnce() -> String);
    /// An entry that went in.
    fn entry(&mut self, position: u64, detail: u32);
}

/// Takes nothing down.
pub(crate) struct NoTrail;

impl Trail for NoTrail {
    const KEEPS: bool = false;
    fn formula(&mut self, _: impl FnOnce() -> Cow<'static, str>) {}
    fn figure(&mut self, _: impl FnOnce() -> String) {}
    fn figure_as_of(&mut self, _: Cut, _: impl FnOnce() -> String) {}
    fn entry(&mut self, _: u64, _: u32) {}
}

/// Takes everything down.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) formula: Cow<'static, str>,
    pub(crate) inputs: Vec<KeptInput>,
}

/// What went into a figure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum KeptInput {
    /// A figure, as of another position where one is given.
    Figure(String, Option<Cut>),
    /// An entry, with what it names beside leaves.
    Entry(u64, u32),
}

impl Trail for Kept {
    const KEEPS: bool = true;
    fn formula(&mut self, formula: impl FnOnce() -> Cow<'static, str>) {
        self.formula = formula();
    }
    fn figure(&mut self, address: impl FnOnce() -> String) {
        self.inputs.push(KeptInput::Figure(address(), None));
    }
    fn figure_as_of(&mut self, cut: Cut, address: impl FnOnce() -> String) {
        self.inputs.push(KeptInput::Figure(address(), Some(cut)));
    }
    fn entry(&mut self, position: u64, detail: u32) {
        self.inputs.push(KeptInput::Entry(position, detail));
    }
}
