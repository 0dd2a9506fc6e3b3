//! Signatures: made and checked here, and by cosign.
