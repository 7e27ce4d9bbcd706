// One lint config for everything. The import-direction rule: plugin → runtime → flame → nothing; no exceptions.
import js from "@eslint/js";
import tseslint from "typescript-eslint";

const arrow = (files, patterns) => ({ files, rules: { "no-restricted-imports": ["error", { patterns }] } });
const forbid = (group, message) => ({ group, message });

const babylon = forbid(["@babylonjs/*"], "Only src/plugin imports Babylon.");
const ort = forbid(
    ["onnxruntime-web", "onnxruntime-web/*"],
    "Only src/runtime/models and the worker of cameras import ONNX Runtime.",
);
const shaders = forbid(
    ["**/shaders/*", "**/shaders/**", "*.wgsl", "**/*.wgsl"],
    "Only src/runtime/passes and src/runtime/driver/kernels import src/shaders.",
);
const upwards = (...folders) =>
    forbid(
        folders.map((folder) => `**/${folder}/**`),
        "Imports go one way: plugin → runtime → flame.",
    );
const outside = forbid(
    ["**/training/**", "**/samples/**", "**/bench/**"],
    "src/ never imports training, samples or bench.",
);

// Node and webpack resolve what the package ships only with whole specifiers.
const wholeSpecifiers = (kind) => ({
    selector: `${kind}[source.value=/^(\\.|@babylonjs\\/(core|loaders)\\/)/]:not([source.value=/\\.(js|wgsl|ts.text)$/])`,
    message: 'Write the specifier with its extension, as in "./error.js".',
});

// Babylon's dialect. What stands in a file is PascalCase, what stands in a function or an object is camelCase, what is
// private has an underscore; so has what is public for our own classes only. Keys of objects and what is taken out of
// them have the names that others gave; a lone capital letter is a size, as in [3,H,W].
const pascal = ["PascalCase"];
const camel = ["camelCase"];
const names = ({ interfaces = /^I[A-Z]/ } = {}) => ({
    "@typescript-eslint/naming-convention": [
        "error",
        { selector: "default", format: camel, leadingUnderscore: "allow" },
        {
            selector: ["import", "objectLiteralProperty", "objectLiteralMethod", "typeProperty", "typeMethod"],
            format: null,
        },
        { selector: ["variable", "parameter"], modifiers: ["destructured"], format: null },
        { selector: ["variable", "parameter"], filter: { regex: "^[A-Z]$", match: true }, format: null },
        { selector: "variable", modifiers: ["global"], format: pascal },
        { selector: "variable", modifiers: ["global", "destructured"], format: pascal },
        { selector: "function", modifiers: ["global"], format: pascal },
        { selector: "typeLike", format: pascal },
        { selector: "interface", format: pascal, custom: { regex: interfaces.source, match: true } },
        { selector: "enumMember", format: pascal },
        { selector: "memberLike", modifiers: ["private"], format: camel, leadingUnderscore: "require" },
        {
            selector: ["classMethod", "classProperty"],
            modifiers: ["static"],
            format: pascal,
            leadingUnderscore: "allow",
        },
        {
            selector: ["classMethod", "classProperty"],
            modifiers: ["private", "static"],
            format: pascal,
            leadingUnderscore: "require",
        },
    ],
});

export default tseslint.config(
    { ignores: ["dist/", "out/", "node_modules/", "coverage/", "training/", ".venv/"] },
    js.configs.recommended,
    ...tseslint.configs.recommended,
    {
        rules: {
            "@typescript-eslint/no-explicit-any": "error",
            "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
            eqeqeq: ["error", "always"],
            "no-console": "off",
        },
    },
    {
        files: ["src/**/*.ts"],
        rules: {
            "no-console": "error",
            ...names(),
            "no-restricted-syntax": [
                "error",
                ...["ImportDeclaration", "ExportNamedDeclaration", "ExportAllDeclaration", "ImportExpression"].map(
                    wholeSpecifiers,
                ),
            ],
        },
    },
    // The data of a head and of its fit are named as the paper's are.
    { files: ["src/flame/**/*.ts"], rules: names({ interfaces: /^/ }) },
    arrow(["src/flame/**/*.ts"], [babylon, ort, shaders, upwards("runtime", "plugin"), outside]),
    arrow(["src/runtime/**/*.ts"], [babylon, ort, shaders, upwards("plugin"), outside]),
    arrow(
        ["src/runtime/passes/**/*.ts", "src/runtime/driver/kernels/**/*.ts"],
        [babylon, ort, upwards("plugin"), outside],
    ),
    arrow(["src/runtime/camera/worker/**/*.ts"], [babylon, shaders, upwards("plugin"), outside]),
    arrow(["src/runtime/models/**/*.ts"], [babylon, shaders, upwards("plugin"), outside]),
    arrow(["src/plugin/**/*.ts", "src/index.ts"], [ort, shaders, outside]),
    arrow(["samples/**/*.ts"], [forbid(["**/src/**"], "Samples import the package by its public name.")]),
    {
        files: ["bin/**/*.mjs", "scripts/**/*.mjs", "tests/**/*.mjs", "bench/**/*.mjs", "*.js"],
        languageOptions: {
            globals: Object.fromEntries(
                [
                    "process",
                    "console",
                    "URL",
                    "Buffer",
                    "setTimeout",
                    "clearTimeout",
                    "setInterval",
                    "clearInterval",
                    "fetch",
                    "window",
                    "document",
                    "performance",
                    "AbortController",
                    "structuredClone",
                    "TextEncoder",
                    "TextDecoder",
                ].map((name) => [name, "readonly"]),
            ),
        },
    },
);
