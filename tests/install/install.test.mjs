// Installs the packed package as a stranger would, in fresh projects outside the repository, and builds, imports and
// runs it there. `npm run test:install` runs all of it, `node tests/install/run.mjs core` what CI runs with every
// change. Needs a built package and the npm registry.
import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { before, describe, test } from "node:test";
import path from "node:path";
import { StartServerAsync } from "../../scripts/serve.mjs";
import {
    babylonVersion,
    CompleteBlocks,
    CreateProjectAsync,
    FilesOf,
    HtmlBlocks,
    OpenAvatarPageAsync,
    page,
    ProgramAsScript,
    ReadmeProgram,
    Report,
    repositoryPackage,
    root,
} from "./project.mjs";

const isCore = process.env.FLEX_INSTALL === "core";
const whole = { skip: isCore && "part of the whole matrix" };
const limit = { timeout: 400_000 };
const manifest = (project, name) => JSON.parse(readFileSync(project.at("node_modules", name, "package.json"), "utf8"));

/** What every page must give: a head on the screen, and networks in their worker. */
function assertAvatar({ gaussianCount, shown, notices, errors }) {
    console.log(`    ${gaussianCount} Gaussians, ${(100 * shown).toFixed(1)} % of the canvas`);
    assert.ok(gaussianCount > 1000, `${gaussianCount} Gaussians`);
    assert.ok(shown > 0.05 && shown < 0.5, `a head covers part of the canvas, not ${shown}`);
    const codes = notices.map(({ code }) => code).filter((code) => code !== "backend-wasm" && code !== "driver-onnx");
    assert.deepEqual(codes, [], "notices other than those of a machine without a graphics card");
    assert.deepEqual(errors, []);
}

async function assertServedAsync(folder, address, options) {
    const server = await StartServerAsync({ folder });
    try {
        assertAvatar(await OpenAvatarPageAsync(`${server.url}/${address}`, options));
        assert.deepEqual(
            server.requests.filter(({ status }) => status >= 400).map((request) => request.path),
            [],
        );
    } finally {
        await server.closeAsync();
    }
}

async function assertDevServerAsync(project, parameters) {
    const server = await project.startAsync("vite", "--port", "0", ...parameters);
    try {
        assertAvatar(await OpenAvatarPageAsync(server.url));
    } catch (error) {
        throw new Error(`${error.message}\n${server.output()}`, { cause: error });
    } finally {
        server.stop();
    }
}

describe("a project with webpack 5, Vite 8, esbuild and TypeScript 6", () => {
    let project;
    before(async () => {
        project = await CreateProjectAsync(
            "current",
            {
                webpack: "^5.112.0",
                "webpack-cli": "^6.0.0",
                vite: "^8.0.0",
                esbuild: "^0.28.0",
                typescript: repositoryPackage.devDependencies.typescript,
                babylonjs: babylonVersion,
            },
            {
                "src/main.js": ProgramAsScript(),
                "index.html": page('<script type="module" src="/src/main.js"></script>'),
            },
        );
        await project.copyAssetsAsync("public/flexavatar");
        project.addPortrait("public");
    }, limit);

    test("copy-assets copies what the library asks for, once", async () => {
        const { RuntimeFiles, WorkerFiles } = await import(
            project.at("node_modules/babylon-flexavatar/dist/lib/runtime/models/runtimeFiles.js")
        );
        const names = [
            ...Object.values(RuntimeFiles).flatMap((files) => Object.values(files)),
            ...Object.values(WorkerFiles),
            "voiceWorklet.js", // a voice is told where it is
        ];
        const copied = FilesOf(project.at("public/flexavatar"));
        assert.deepEqual(
            copied.filter((file) => file.startsWith("runtime/")).sort(),
            names.map((file) => `runtime/${file}`).sort(),
        );
        assert.match(
            await project.runAsync("babylon-flexavatar", "copy-assets", "public/flexavatar"),
            /\n0 of \d+ files copied/,
        );
        rmSync(project.at("public/flexavatar/models/models.json"));
        assert.match(
            await project.runAsync("babylon-flexavatar", "copy-assets", "public/flexavatar"),
            /\n1 of \d+ files copied/,
        );
    });

    test("copy-assets says what is wrong", async () => {
        await assert.rejects(
            project.runAsync("babylon-flexavatar", "copy"),
            /Usage: babylon-flexavatar copy-assets <folder>/,
        );
        const alone = project.at("..", "alone");
        cpSync(project.at("node_modules/babylon-flexavatar"), alone, { recursive: true });
        const copy = () =>
            project.runAsync(
                "node",
                path.join(alone, "bin", "babylon-flexavatar.mjs"),
                "copy-assets",
                path.join(alone, "public"),
            );
        await copy(); // the project has what the package lacks
        const moved = project.at("node_modules", "onnxruntime-web");
        renameSync(moved, `${moved}-away`);
        try {
            await assert.rejects(copy(), /onnxruntime-web is not installed. Run: npm install onnxruntime-web/);
        } finally {
            renameSync(`${moved}-away`, moved);
        }
        rmSync(path.join(alone, "assets", "models", "open-head.bin"));
        await assert.rejects(copy(), /open-head.bin is missing: this package is not whole/);
    });

    test("Node imports every entry without a window; only those that register change Babylon", limit, async () => {
        project.write({
            "import.mjs": `
import { GetRegisteredSceneLoaderPluginMetadata } from "@babylonjs/core/Loading/sceneLoader.js";
import { GetParser } from "@babylonjs/core/Loading/Plugins/babylonFileParser.function.js";
import { GetClass } from "@babylonjs/core/Misc/typeStore.js";
import { NodeRenderGraph } from "@babylonjs/core/FrameGraph/Node/nodeRenderGraph.js";
import { ShaderStore } from "@babylonjs/core/Engines/shaderStore.js";
import { Node } from "@babylonjs/core/node.js";
import { Scene } from "@babylonjs/core/scene.js";
// All of Babylon that the library uses, so that what Babylon itself registers is there before.
import { readdirSync, readFileSync } from "node:fs";
const lib = "node_modules/babylon-flexavatar/dist/lib/";
for (const file of readdirSync(lib, { recursive: true }).filter((name) => name.endsWith(".js"))) {
    for (const [, name] of readFileSync(lib + file, "utf8").matchAll(/(?:from|import) "(@babylonjs\\/core\\/[^"]+)"/g)) {
        await import(name);
    }
}
const state = () => ({
    globals: Object.getOwnPropertyNames(globalThis).sort(),
    loaders: GetRegisteredSceneLoaderPluginMetadata().map(({ name }) => name),
    parser: GetParser("flexAvatars") !== null && GetParser("flexAvatars") !== undefined,
    block: Boolean(GetClass("BABYLON.NodeRenderGraphFlexAvatarBlock")),
    blocks: NodeRenderGraph.CustomBlockDescriptions.length,
    shaders: Object.keys(ShaderStore.ShadersStore).length + Object.keys(ShaderStore.ShadersStoreWGSL).length + Object.keys(ShaderStore.IncludesShadersStoreWGSL).length,
    constructors: Object.keys(Node._NodeConstructors ?? {}).length,
    scene: Object.getOwnPropertyNames(Scene.prototype).length + Object.getOwnPropertyNames(Scene).length,
});
const states = { before: state() };
for (const entry of ["pure", "dynamic", "index"]) {
    const module = await import(entry === "index" ? "babylon-flexavatar" : \`babylon-flexavatar/\${entry}\`);
    states[entry] = { ...state(), names: Object.keys(module) };
}
console.log(JSON.stringify(states));
`,
        });
        const states = JSON.parse(await project.runAsync("node", "import.mjs"));
        const { names, ...pure } = states.pure;
        assert.deepEqual(pure, states.before);
        assert.ok(names.includes("RegisterFlexAvatarLoader") && names.includes("FlexAvatarComponent"));
        assert.deepEqual(states.index.names, names, "both entries export the same");
        const registered = ({ loaders, parser, block, blocks }) => ({
            loader: loaders.includes("flexavatar"),
            parser,
            block,
            blocks,
        });
        const none = { loader: false, parser: false, block: false, blocks: states.before.blocks };
        assert.deepEqual(registered(states.pure), none);
        assert.deepEqual(registered(states.dynamic), { ...none, loader: true, parser: true });
        assert.deepEqual(registered(states.index), {
            loader: true,
            parser: true,
            block: true,
            blocks: none.blocks + 1,
        });
        assert.deepEqual(states.index.globals, states.before.globals);
    });

    test("./dynamic loads the loader with the first file", limit, async () => {
        project.write({
            "dynamic.mjs": `
import "babylon-flexavatar/dynamic";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine.js";
import { ImportMeshAsync } from "@babylonjs/core/Loading/sceneLoader.js";
import { Scene } from "@babylonjs/core/scene.js";
const scene = new Scene(new NullEngine());
await ImportMeshAsync("data:;base64,AAAAAA==", scene, { pluginExtension: ".flexavatar" }).catch(({ message }) => console.log(message));
process.exit(0);
`,
        });
        assert.match(await project.runAsync("node", "dynamic.mjs"), /This is not a readable \.flexavatar file/);
    });

    test("the standalone build says what it needs", limit, async () => {
        const run = (global) =>
            project.runAsync(
                "node",
                "-e",
                `${global}; import("babylon-flexavatar/standalone").catch(({ message }) => console.log(message))`,
            );
        assert.match(await run(""), /found no global BABYLON\. Put <script/);
        assert.match(await run("globalThis.BABYLON = {}"), /found a global BABYLON that is too old/);
    });

    test("Vite loads it for a server", limit, async () => {
        project.write({
            "ssr.mjs": `
import { createServer } from "vite";
const server = await createServer({ server: { middlewareMode: true }, appType: "custom", logLevel: "error" });
const { FlexAvatarComponent } = await server.ssrLoadModule("babylon-flexavatar");
console.log(typeof FlexAvatarComponent.GetOrCreate);
await server.close();
process.exit(0);
`,
        });
        assert.match(await project.runAsync("node", "ssr.mjs"), /^function\n$/);
    });

    test("a bundler drops what is not used of ./pure, and keeps what the front door registers", limit, async () => {
        const build = async (name, code) => {
            project.write({ [`shake/${name}.js`]: code });
            await project.runAsync(
                "esbuild",
                `shake/${name}.js`,
                "--bundle",
                "--format=esm",
                "--splitting",
                "--external:@babylonjs/*",
                "--outdir=shake/out",
            );
            return readFileSync(project.at(`shake/out/${name}.js`), "utf8");
        };
        const used = await build(
            "one",
            'import { FlexAvatarError } from "babylon-flexavatar/pure"; console.log(FlexAvatarError);',
        );
        assert.ok(
            !used.includes("RegisterSceneLoaderPlugin") && used.length < 10_000,
            `${used.length} characters for one error class`,
        );
        assert.match(
            await build("door", 'import "babylon-flexavatar";'),
            /RegisterSceneLoaderPlugin\(new FlexAvatarLoader/,
        );
        const dynamic = await build("dynamic", 'import "babylon-flexavatar/dynamic";');
        assert.match(dynamic, /RegisterSceneLoaderPlugin\(/);
        assert.ok(dynamic.length < 5_000, `${dynamic.length} characters before the first file`);
    });

    for (const [resolution, module] of [
        ["bundler", "esnext"],
        ["node16", "node16"],
        ["nodenext", "nodenext"],
    ]) {
        const options = resolution === "node16" ? { ...limit, ...whole } : limit; // nodenext is stricter
        test(`TypeScript finds the types with moduleResolution ${resolution}`, options, async () => {
            await assertTypesAsync(project, resolution, module);
        });
    }

    test("webpack 5 builds it without a rule", limit, async () => {
        await project.runAsync(
            "webpack",
            "--mode",
            "production",
            "--no-optimization-minimize",
            "--entry",
            "./src/main.js",
            "-o",
            "public/webpack",
        );
        project.write({ "public/webpack.html": page('<script type="module" src="webpack/main.js"></script>') });
        await assertServedAsync(project.at("public"), "webpack.html");
    });

    test("the development server of Vite 8 serves it without a configuration", limit, async () => {
        await assertDevServerAsync(project, []);
    });

    test("Vite 8 builds it", limit, async () => {
        await project.runAsync("vite", "build", "--outDir", "dist-vite");
        await assertServedAsync(project.at("dist-vite"), "index.html");
    });

    test("esbuild builds it", { ...limit, ...whole }, async () => {
        await project.runAsync(
            "esbuild",
            "src/main.js",
            "--bundle",
            "--format=esm",
            "--minify",
            "--outfile=public/esbuild.js",
        );
        project.write({ "public/esbuild.html": page('<script type="module" src="esbuild.js"></script>') });
        await assertServedAsync(project.at("public"), "esbuild.html");
    });

    test("a Content-Security-Policy without blob: gets the worker from its file", { ...limit, ...whole }, async () => {
        const policy = [
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "worker-src 'self'",
            "connect-src 'self'",
            "img-src 'self' blob: data:",
            "style-src 'unsafe-inline'",
        ].join("; ");
        const html = page('<script type="module" src="esbuild.js"></script>');
        project.write({
            "public/policy.html": html.replace(
                "<head>",
                `<head><meta http-equiv="Content-Security-Policy" content="${policy}" />`,
            ),
        });
        const server = await StartServerAsync({ folder: project.at("public") });
        try {
            const result = await OpenAvatarPageAsync(`${server.url}/policy.html`);
            const refused = result.errors.filter((text) => /worker.*blob:.*violates/i.test(text));
            // That of the networks, and that of refinement if it has begun.
            assert.ok(refused.length >= 1, "the policy refused the worker from its text");
            assertAvatar({ ...result, errors: result.errors.filter((text) => !refused.includes(text)) });
            assert.ok(server.requests.some((request) => request.path.endsWith("/runtime/onnxWorker.js")));
        } finally {
            await server.closeAsync();
        }
    });

    test("the global of Babylon's script has every name that the standalone build uses", async () => {
        const lib = project.at("node_modules/babylon-flexavatar/dist/lib");
        const names = new Set();
        for (const file of FilesOf(lib).filter((name) => name.endsWith(".js"))) {
            for (const [, list] of readFileSync(path.join(lib, file), "utf8").matchAll(
                /import \{([^}]+)\} from "@babylonjs\/core\//g,
            )) {
                list.split(",").forEach((name) => names.add(name.trim().split(" ")[0]));
            }
        }
        assert.ok(names.size > 20, `${names.size} names`);
        const missing = await project.runAsync(
            "node",
            "--input-type=commonjs",
            "-e",
            `const BABYLON = require("babylonjs"); console.log(${JSON.stringify([...names])}.filter((name) => BABYLON[name] === undefined).join())`,
        );
        assert.equal(missing.trim(), "");
    });

    test("a plain page makes an avatar with the standalone build", limit, async () => {
        const [html] = HtmlBlocks(readFileSync(path.join(root, "docs", "install.md"), "utf8"));
        cpSync(project.at("node_modules/babylonjs/babylon.js"), project.at("public/babylon.js"));
        cpSync(project.at("node_modules/babylon-flexavatar/dist/standalone"), project.at("public"), {
            recursive: true,
        });
        const changed = html
            .replace("https://cdn.babylonjs.com/babylon.js", "babylon.js")
            .replace(/"[^"]*portrait[^"]*"/, '"astronaut.png"')
            .replace("</script>\n</body>", `${Report}</script>\n</body>`)
            .replace("<head>", '<head><link rel="icon" href="data:,">');
        assert.ok(changed.includes("flexResult") && !changed.includes("http"), "the page is as the test expects it");
        project.write({ "public/plain.html": changed });
        await assertServedAsync(project.at("public"), "plain.html");
    });
});

/**
 * Compiles the README's program with `skipLibCheck: false`: 0 errors, and one where it is wrong on purpose, so that no
 * type is silently `any`.
 */
async function assertTypesAsync(project, resolution, module, ...more) {
    project.write({
        "types/main.ts": `${ReadmeProgram()}
import "babylon-flexavatar/dynamic";
import { RegisterFlexAvatarLoader } from "babylon-flexavatar/pure";
import { FlexAvatar } from "babylon-flexavatar/standalone";
RegisterFlexAvatarLoader();
export const right: FlexAvatar = avatar;
// @ts-expect-error
export const wrong: number = avatar;
`,
    });
    const parameters = [
        "--noEmit",
        "--strict",
        "--target",
        "es2022",
        "--lib",
        "es2022,dom,dom.iterable",
        "--skipLibCheck",
        "false",
    ];
    await project.runAsync(
        "tsc",
        ...parameters,
        ...more,
        "--module",
        module,
        "--moduleResolution",
        resolution,
        "types/main.ts",
    );
}

describe("a project with Vite 7", whole, () => {
    let project;
    before(async () => {
        if (isCore) {
            return;
        }
        project = await CreateProjectAsync(
            "vite7",
            { vite: "^7.0.0" },
            {
                "src/main.js": ProgramAsScript(),
                "index.html": page('<script type="module" src="/src/main.js"></script>'),
            },
        );
        await project.copyAssetsAsync("public/flexavatar");
        project.addPortrait("public");
        assert.match(manifest(project, "vite").version, /^7\./);
    }, limit);

    test("its development server serves it without a configuration", limit, async () => {
        await assertDevServerAsync(project, []);
    });

    test("it builds it", limit, async () => {
        await project.runAsync("vite", "build", "--outDir", "dist-vite");
        await assertServedAsync(project.at("dist-vite"), "index.html");
    });
});

for (const [typescript, dependencies] of [
    ["5.9.3", { "@webgpu/types": repositoryPackage.devDependencies["@webgpu/types"] }],
    ["^7.0.0", {}],
]) {
    test(`TypeScript ${typescript} finds the types`, { ...limit, ...whole }, async () => {
        const project = await CreateProjectAsync(
            `typescript-${parseInt(typescript.replace("^", ""))}`,
            { typescript, ...dependencies },
            {},
        );
        // Babylon's own declarations and those of WebGPU contradict each other there.
        const more = "@webgpu/types" in dependencies ? ["--types", "@webgpu/types", "--skipLibCheck", "true"] : [];
        await assertTypesAsync(project, "bundler", "esnext", ...more);
        await assertTypesAsync(project, "nodenext", "nodenext", ...more);
    });
}

test(
    "README and docs: complete blocks compile, and links of all packed pages and source maps lead into the package",
    limit,
    async () => {
        const project = await CreateProjectAsync(
            "docs",
            {
                typescript: repositoryPackage.devDependencies.typescript,
                "@babylonjs/loaders": repositoryPackage.devDependencies["@babylonjs/loaders"],
            },
            {},
        );
        const installed = project.at("node_modules/babylon-flexavatar");
        const packed = FilesOf(installed);
        const pages = packed.filter((file) => /^(README|docs\/.*)\.md$/.test(file));
        assert.ok(pages.includes("README.md") && pages.includes("docs/install.md"));
        const blocks = pages.flatMap((file) =>
            CompleteBlocks(readFileSync(path.join(installed, file), "utf8")).map((code, index) => [
                `${file.replaceAll("/", "-")}-${index}.ts`,
                code,
            ]),
        );
        project.write(Object.fromEntries(blocks.map(([file, code]) => [`blocks/${file}`, `${code}\nexport {};\n`])));
        await project.runAsync(
            "tsc",
            "--noEmit",
            "--strict",
            "--target",
            "es2022",
            "--lib",
            "es2022,dom,dom.iterable",
            "--module",
            "esnext",
            "--moduleResolution",
            "bundler",
            ...blocks.map(([file]) => `blocks/${file}`),
        );
        const broken = packed
            .filter((file) => file.endsWith(".md"))
            .flatMap((file) => {
                const folder = path.dirname(path.join(installed, file));
                return [...readFileSync(path.join(installed, file), "utf8").matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
                    .filter(([, target]) => !existsSync(path.join(folder, target)))
                    .map(([, target]) => `${file} → ${target}`);
            });
        assert.deepEqual(broken, []);
        assert.ok(blocks.length > 0);
        const maps = packed.filter((file) => /^dist\/lib\/.*\.map$/.test(file));
        const lost = maps.flatMap((file) => {
            const { sources } = JSON.parse(readFileSync(path.join(installed, file), "utf8"));
            return sources.filter((source) => !existsSync(path.join(installed, path.dirname(file), source)));
        });
        assert.deepEqual(lost, []);
        assert.ok(maps.length > 100);
    },
);
