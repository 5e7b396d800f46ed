// `vite build` finds the module's file through `new URL(…, import.meta.url)` in the package and moves it along.

export default { base: "./", build: { target: "es2022" } };
