//! The floor and the decision module, each as an instance in wasmtime.

#[path = "../../../host/module/src/tuning.rs"]
mod tuning;

use std::fmt::{Display, Formatter};

use wasmtime::{Engine, Instance, Linker, Memory, Module, Store, TypedFunc};

/// Whether the code looks at the epoch at every call and loop, as the server's does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The code never looks.
    Off,
    /// The code looks; the deadline lies too far away to be met.
    Epoch,
}

/// Why an instance could not be made or asked.
#[derive(Debug)]
pub struct GuestError(String);

/// Something in wasmtime that answers JSON with JSON.
pub trait Guest {
    /// Puts the answer to `request` in the place of what `answer` held.
    ///
    /// # Errors
    /// The instance trapped.
    fn decide(&mut self, request: &[u8], answer: &mut Vec<u8>) -> Result<(), GuestError>;

    /// Bytes of linear memory that the instance has taken.
    fn memory_size(&self) -> usize;
}

/// The floor with one workload's policies.
pub struct Floor {
    store: Store<()>,
    memory: Memory,
    decide: TypedFunc<u32, u32>,
    output: TypedFunc<(), u32>,
    input: u32,
}

/// The decision module with one bundle, once it is loaded.
pub struct Decider {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
    evaluate: TypedFunc<(u32, u32), u32>,
    input: u32,
    handle: u32,
}

/// The engine's evaluation alone, over requests that it has parsed.
pub struct Pure {
    store: Store<()>,
    evaluate_all: TypedFunc<(), u32>,
}

/// Room for any request of the workload.
const REQUEST_ROOM: u32 = 64 << 10;

impl Floor {
    /// A fresh instance that has read `policies`, a policy file of the workload.
    ///
    /// # Errors
    /// The instance cannot be made, or the file cannot be read.
    pub fn load(policies: &[u8], interruption: Interruption) -> Result<Floor, GuestError> {
        let code: &[u8] = match interruption {
            Interruption::Off => include_bytes!(concat!(env!("OUT_DIR"), "/floor-plain.cwasm")),
            Interruption::Epoch => {
                include_bytes!(concat!(env!("OUT_DIR"), "/floor-interruptible.cwasm"))
            }
        };
        let (mut store, instance, memory) = instantiate(code, interruption)?;
        let input = instance.get_typed_func::<u32, u32>(&mut store, "input")?;
        let at = input.call(&mut store, length(policies)?)?;
        write(&memory, &mut store, at, policies)?;
        let loaded = instance
            .get_typed_func::<u32, u32>(&mut store, "load")?
            .call(&mut store, length(policies)?)?;
        if loaded == 0 {
            return Err(GuestError("the floor cannot read the policies".to_owned()));
        }
        Ok(Floor {
            decide: instance.get_typed_func(&mut store, "decide")?,
            output: instance.get_typed_func(&mut store, "output")?,
            input: input.call(&mut store, REQUEST_ROOM)?,
            store,
            memory,
        })
    }
}

impl Guest for Floor {
    fn decide(&mut self, request: &[u8], answer: &mut Vec<u8>) -> Result<(), GuestError> {
        write(&self.memory, &mut self.store, self.input, request)?;
        let size = self.decide.call(&mut self.store, length(request)?)?;
        let at = self.output.call(&mut self.store, ())?;
        read(&self.memory, &self.store, at, size, answer)
    }

    fn memory_size(&self) -> usize {
        self.memory.data_size(&self.store)
    }
}

impl Decider {
    /// A fresh instance without a bundle.
    ///
    /// # Errors
    /// The instance cannot be made.
    pub fn empty(interruption: Interruption) -> Result<Decider, GuestError> {
        let code: &[u8] = match interruption {
            Interruption::Off => include_bytes!(concat!(env!("OUT_DIR"), "/engine-plain.cwasm")),
            Interruption::Epoch => {
                include_bytes!(concat!(env!("OUT_DIR"), "/engine-interruptible.cwasm"))
            }
        };
        let (mut store, instance, memory) = instantiate(code, interruption)?;
        let evaluate = instance.get_typed_func(&mut store, "assize_evaluate")?;
        Ok(Decider {
            store,
            instance,
            memory,
            evaluate,
            input: 0,
            handle: 0,
        })
    }

    /// Loads `bundle` as revision 1; decisions come from it from now on.
    ///
    /// # Errors
    /// The instance refuses the bundle.
    pub fn load(&mut self, bundle: &[u8]) -> Result<(), GuestError> {
        let size = length(bundle)?;
        let room = self
            .instance
            .get_typed_func::<u32, u32>(&mut self.store, "assize_input")?;
        let at = room.call(&mut self.store, size)?;
        write(&self.memory, &mut self.store, at, bundle)?;
        let load = self
            .instance
            .get_typed_func::<(u32, u32, u32), i32>(&mut self.store, "assize_load")?;
        let handle = load.call(&mut self.store, (size, 1, 0))?;
        self.handle = u32::try_from(handle)
            .map_err(|_| GuestError("the module refuses the bundle".to_owned()))?;
        self.input = room.call(&mut self.store, REQUEST_ROOM)?;
        Ok(())
    }
}

impl Guest for Decider {
    fn decide(&mut self, request: &[u8], answer: &mut Vec<u8>) -> Result<(), GuestError> {
        write(&self.memory, &mut self.store, self.input, request)?;
        let record = self
            .evaluate
            .call(&mut self.store, (self.handle, length(request)?))?;
        let mut place = [0; 8];
        self.memory
            .read(&self.store, record as usize, &mut place)
            .map_err(|_| GuestError("the module's record lies outside its memory".to_owned()))?;
        let [a, b, c, d, e, f, g, h] = place;
        read(
            &self.memory,
            &self.store,
            u32::from_le_bytes([a, b, c, d]),
            u32::from_le_bytes([e, f, g, h]),
            answer,
        )
    }

    fn memory_size(&self) -> usize {
        self.memory.data_size(&self.store)
    }
}

impl Pure {
    /// A fresh instance that has loaded `bundle` and parsed `requests`.
    ///
    /// # Errors
    /// The instance cannot be made, or refuses the bundle or a request.
    pub fn load<'r>(
        bundle: &[u8],
        requests: impl IntoIterator<Item = &'r str>,
    ) -> Result<Pure, GuestError> {
        let code = include_bytes!(concat!(env!("OUT_DIR"), "/pure-plain.cwasm"));
        let (mut store, instance, memory) = instantiate(code, Interruption::Off)?;
        let room = instance.get_typed_func::<u32, u32>(&mut store, "input")?;
        let load = instance.get_typed_func::<(), u32>(&mut store, "load")?;
        let keep = instance.get_typed_func::<(), u32>(&mut store, "keep")?;
        let inputs = std::iter::once((bundle, &load))
            .chain(requests.into_iter().map(|text| (text.as_bytes(), &keep)));
        for (input, take) in inputs {
            let at = room.call(&mut store, length(input)?)?;
            write(&memory, &mut store, at, input)?;
            if take.call(&mut store, ())? == 0 {
                return Err(GuestError(
                    "the engine refuses the bundle or a request".to_owned(),
                ));
            }
        }
        Ok(Pure {
            evaluate_all: instance.get_typed_func(&mut store, "evaluate_all")?,
            store,
        })
    }

    /// Evaluates every request once and counts the actions that are allowed.
    ///
    /// # Errors
    /// The instance trapped.
    pub fn evaluate_all(&mut self) -> Result<u32, GuestError> {
        Ok(self.evaluate_all.call(&mut self.store, ())?)
    }
}

/// Two engines in one process would each keep what wasmtime keeps per engine; a few megabytes do not matter here.
#[expect(
    unsafe_code,
    reason = "wasmtime takes machine code on trust: this is what the build script has just made"
)]
fn instantiate(
    code: &[u8],
    interruption: Interruption,
) -> Result<(Store<()>, Instance, Memory), GuestError> {
    let mut config = tuning::config();
    config.epoch_interruption(interruption == Interruption::Epoch);
    let engine = Engine::new(&config)?;
    let module = unsafe { Module::deserialize(&engine, code) }?;
    let mut store = Store::new(&engine, ());
    if interruption == Interruption::Epoch {
        store.set_epoch_deadline(u64::MAX / 2);
    }
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module)?;
    let instance = linker.instantiate(&mut store, &module)?;
    let memory = instance
        .get_memory(&mut store, "memory")
        .ok_or_else(|| GuestError("the module exports no memory".to_owned()))?;
    Ok((store, instance, memory))
}

fn write(memory: &Memory, store: &mut Store<()>, at: u32, bytes: &[u8]) -> Result<(), GuestError> {
    memory
        .write(store, at as usize, bytes)
        .map_err(|_| GuestError("the input does not fit the memory".to_owned()))
}

fn read(
    memory: &Memory,
    store: &Store<()>,
    at: u32,
    size: u32,
    answer: &mut Vec<u8>,
) -> Result<(), GuestError> {
    let bytes = memory
        .data(store)
        .get(at as usize..)
        .and_then(|rest| rest.get(..size as usize))
        .ok_or_else(|| GuestError("the answer lies outside the memory".to_owned()))?;
    answer.clear();
    answer.extend_from_slice(bytes);
    Ok(())
}

fn length(bytes: &[u8]) -> Result<u32, GuestError> {
    u32::try_from(bytes.len()).map_err(|_| GuestError("more than 4 GiB of input".to_owned()))
}

impl Display for GuestError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for GuestError {}

impl From<wasmtime::Error> for GuestError {
    fn from(error: wasmtime::Error) -> GuestError {
        GuestError(format!("{error:#}"))
    }
}
