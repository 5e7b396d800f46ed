//! QuickJS with its prelude, and one run in it.

use std::ffi::{CString, c_int};

use rquickjs::context::{EvalOptions, intrinsic};
use rquickjs::function::Function;
use rquickjs::{Context, Ctx, Object, Persistent, Runtime, Value, qjs};

/// Bytes of the stack that QuickJS's own recursion (the parser, `JSON`, regular expressions, calls) may take. Past it
/// a script sees a `RangeError`.
const STACK: usize = 160 << 10;

/// The name of the script in positions of errors.
const FILE: &str = "script";

/// What scripts may use. No typed arrays: they would show the bits of a NaN, which hosts may choose freely. No weak
/// references and no performance clock: they tell one run from another.
type Intrinsics = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::Promise,
);

pub(crate) struct Sandbox {
    /// Of `prelude.js`: takes the inputs, gives nothing.
    bind: Persistent<Function<'static>>,
    /// Gives the answer's JSON.
    collect: Persistent<Function<'static>>,
    /// Takes what was thrown; gives the answer's JSON.
    failed: Persistent<Function<'static>>,
    /// The same for a script that is only parsed.
    refused: Persistent<Function<'static>>,
    context: Context,
}

/// What a script is told beside the instant.
pub(crate) struct Inputs<'a> {
    pub(crate) resource: &'a str,
    /// The script's own.
    pub(crate) name: &'a str,
    pub(crate) username: Option<&'a str>,
    /// JSON; empty where nothing is in it.
    pub(crate) environment: &'a str,
    pub(crate) has_session: bool,
}

impl Sandbox {
    pub(crate) fn new() -> Option<Self> {
        let runtime = Runtime::new().ok()?;
        runtime.set_max_stack_size(STACK);
        // An instance lives for one run, and its memory is bounded: nothing is worth collecting.
        runtime.set_gc_threshold(usize::MAX);
        let context = Context::custom::<Intrinsics>(&runtime).ok()?;
        let functions = context.with(|ctx| {
            let mut options = EvalOptions::default();
            options.strict = true;
            options.filename = Some("prelude".to_owned());
            let prelude: Function<'_> = ctx
                .eval_with_options(include_str!("prelude.js"), options)
                .ok()?;
            let harness: Object<'_> = prelude.call((session_text(&ctx),)).ok()?;
            let function = |name: &str| {
                let function: Function<'_> = harness.get(name).ok()?;
                Some(Persistent::save(&ctx, function))
            };
            Some((
                function("bind")?,
                function("collect")?,
                function("failed")?,
                function("refused")?,
            ))
        });
        let (bind, collect, failed, refused) = functions?;
        Some(Sandbox {
            bind,
            collect,
            failed,
            refused,
            context,
        })
    }

    /// Runs a script and gives its answer; `None` where not even an error could be put into words.
    pub(crate) fn run(&mut self, script: &str, inputs: &Inputs<'_>) -> Option<String> {
        self.context.with(|ctx| {
            let run = || -> rquickjs::Result<String> {
                let bind = self.bind.clone().restore(&ctx)?;
                let environment = Some(inputs.environment).filter(|text| !text.is_empty());
                bind.call::<_, ()>((
                    inputs.resource,
                    inputs.name,
                    inputs.username,
                    environment,
                    inputs.has_session,
                ))?;
                let mut options = EvalOptions::default();
                options.strict = false;
                options.backtrace_barrier = true;
                options.filename = Some(FILE.to_owned());
                ctx.eval_with_options::<Value<'_>, _>(script, options)?;
                self.collect.clone().restore(&ctx)?.call(())
            };
            match run() {
                Ok(answer) => Some(answer),
                Err(error) => {
                    let thrown = thrown(&ctx, &error)?;
                    let failed = self.failed.clone().restore(&ctx).ok()?;
                    failed.call((thrown,)).ok()
                }
            }
        })
    }

    /// Parses a script and runs nothing of it.
    pub(crate) fn check(&mut self, script: &[u8]) -> Option<String> {
        self.context.with(|ctx| {
            let parsed = parse(&ctx, script);
            let refused = self.refused.clone().restore(&ctx).ok()?;
            match parsed {
                Ok(()) => refused.call(()).ok(),
                Err(error) => refused.call((thrown(&ctx, &error)?,)).ok(),
            }
        })
    }
}

/// A function that gives the session's text. Made by hand: rquickjs's way to one would add a hundredth to the module.
fn session_text<'js>(ctx: &Ctx<'js>) -> Value<'js> {
    unsafe extern "C" fn text(
        context: *mut qjs::JSContext,
        _this: qjs::JSValue,
        _count: c_int,
        _arguments: *mut qjs::JSValue,
    ) -> qjs::JSValue {
        // SAFETY: QuickJS calls this with its own context; it copies the bytes before they can go, whatever they are.
        crate::input::session(|text| unsafe {
            qjs::JS_NewStringLen(context, text.as_ptr().cast(), text.len() as _)
        })
    }
    // SAFETY: the context is alive, the name ends with a zero and is copied, and the value is owned by nobody else.
    unsafe {
        let function = qjs::JS_NewCFunction2(
            ctx.as_raw().as_ptr(),
            Some(text),
            c"sessionText".as_ptr(),
            0,
            qjs::JSCFunctionEnum_JS_CFUNC_generic,
            0,
        );
        Value::from_raw(ctx.clone(), function)
    }
}

/// What a script threw, or the words of an error that never was a JavaScript value.
fn thrown<'js>(ctx: &Ctx<'js>, error: &rquickjs::Error) -> Option<Value<'js>> {
    if error.is_exception() {
        return Some(ctx.catch());
    }
    let text = match error {
        rquickjs::Error::InvalidString(_) => "the script holds a NUL character".to_owned(),
        other => other.to_string(),
    };
    let text = rquickjs::String::from_str(ctx.clone(), &text).ok()?;
    Some(text.into_value())
}

fn parse(ctx: &Ctx<'_>, script: &[u8]) -> rquickjs::Result<()> {
    let source = CString::new(script)?;
    let file = CString::new(FILE)?;
    let flags = qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY;
    // SAFETY: the context is alive; QuickJS asks for the byte behind the source to be zero, which a CString's is; the
    // value that it gives is freed once.
    let failed = unsafe {
        let context = ctx.as_raw().as_ptr();
        let function = qjs::JS_Eval(
            context,
            source.as_ptr(),
            script.len() as _,
            file.as_ptr(),
            flags as i32,
        );
        let failed = qjs::JS_IsException(function);
        qjs::JS_FreeValue(context, function);
        failed
    };
    if failed {
        Err(rquickjs::Error::Exception)
    } else {
        Ok(())
    }
}
