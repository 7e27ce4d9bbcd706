// Every piece of TypeScript in README.md and docs compiles, against the types of the built package, with the names that
// tests/support/docsPage.ts says a page has.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const folder = path.join(root, "out", "docsCode");
const pageNames = path.join(root, "tests", "support", "docsPage.ts");
const types = path.join(root, "dist", "types");
const options = {
    ...ts.convertCompilerOptionsFromJson(
        JSON.parse(readFileSync(path.join(root, "tsconfig.json"), "utf8")).compilerOptions,
        root,
    ).options,
    noEmit: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
    types: ["@webgpu/types"],
    paths: {
        "babylon-flexavatar": [path.join(types, "index.d.ts")],
        "babylon-flexavatar/person": [path.join(types, "person.d.ts")],
    },
};

/** Pieces of code: the page's name and line, and the text. */
function piecesOf(page) {
    const text = readFileSync(path.join(root, page), "utf8");
    return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(({ 1: code, index }) => ({
        place: `${page}:${text.slice(0, index).split("\n").length}`,
        code: code.replace(/^…$/m, ""), // what a page leaves out
    }));
}

/** A module of the piece: in a function, so that it may have names of its own, with imports of the names it uses. */
function moduleOf({ code }, named) {
    const imports = code.match(/^import[^;]*;/gm) ?? [];
    const body = code.replace(/^import[^;]*;/gm, "").replace(/^export /gm, "");
    const own = new Set(imports.join(" ").match(/\w+/g));
    const used = new Set(body.match(/\w+/g));
    const taken = named.map(([from, names]) => {
        const wanted = names.filter((name) => used.has(name) && !own.has(name));
        return `import { ${wanted.join(", ")} } from ${JSON.stringify(from)};`;
    });
    return [...imports, ...taken, "export async function run() {", body, "}"].join("\n");
}

/** Names that a module exports. */
function exportsOf(file) {
    const checker = ts.createProgram([file], options);
    const symbol = checker.getTypeChecker().getSymbolAtLocation(checker.getSourceFile(file));
    return checker
        .getTypeChecker()
        .getExportsOfModule(symbol)
        .map(({ name }) => name);
}

/** @returns what the compiler says of the pieces, each with its place */
function compile(pieces) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const named = [
        ["babylon-flexavatar", exportsOf(path.join(types, "index.d.ts"))],
        [path.relative(folder, pageNames).replace(/\.ts$/, ""), exportsOf(pageNames)],
    ];
    const places = new Map();
    for (const piece of pieces) {
        const file = path.join(folder, `${piece.place.replace(/[/:]/g, "-")}.ts`);
        writeFileSync(file, moduleOf(piece, named));
        places.set(file, piece.place);
    }
    const program = ts.createProgram([...places.keys()], options);
    return ts
        .getPreEmitDiagnostics(program)
        .map(
            ({ file, messageText }) =>
                `${places.get(path.normalize(file?.fileName ?? "")) ?? file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
        );
}

test("code of README.md and docs compiles", () => {
    const pages = ["README.md", ...readdirSync(path.join(root, "docs")).map((name) => `docs/${name}`)];
    const pieces = pages.filter((name) => name.endsWith(".md")).flatMap(piecesOf);
    assert.ok(pieces.length > 30, `${pieces.length} pieces`);
    const wrong = { place: "a piece that is wrong on purpose", code: "avatar.neck = await component.loadAsync(3);\n" };
    const errors = compile([...pieces, wrong]);
    assert.deepEqual(
        errors.filter((text) => !text.startsWith(wrong.place)),
        [],
    );
    assert.ok(errors.length > 0, "wrong code is found");
});
