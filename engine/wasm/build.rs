//! Fixes the shape of the module's memory when it is linked for WebAssembly.

/// The most memory that one instance may ever hold, in bytes: 1 GiB.
///
/// A bundle takes less than 1 KB a policy, so 100 000 policies are about 100 MB. While a bundle is replaced
/// the old and the new one are there together; the rest is room for several realms and for answers.
/// A host may give less: then a request that needs more fails, and none is answered differently.
const LARGEST_MEMORY: u32 = 1 << 30;

/// The module's own stack (what Rust spills to linear memory), in bytes: 512 KiB.
///
/// The engine bounds the depth of everything that it walks recursively; half of the usual 1 MiB holds that
/// with room, and a smaller stack is less to touch per instance. It lies below the data, so running over it
/// is a trap and never a silent overwrite.
const STACK: u32 = 512 << 10;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        println!("cargo::rustc-link-arg-cdylib=--max-memory={LARGEST_MEMORY}");
        println!("cargo::rustc-link-arg-cdylib=-zstack-size={STACK}");
    }
}
