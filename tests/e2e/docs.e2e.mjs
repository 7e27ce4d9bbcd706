// The Markdown files of the repository: links and anchors lead somewhere, paths and tests that they name exist, lines
// are short.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import GithubSlugger from "github-slugger";
import MarkdownIt from "markdown-it";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const read = (file) => readFileSync(path.join(root, file), "utf8");
/** What a clone has: no outputs, nothing installed. */
const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root, encoding: "utf8" })
    .trim()
    .split("\n");
const folders = files.flatMap((file) => file.split("/").map((_, depth, parts) => parts.slice(0, depth).join("/")));
const places = new Set([...files, ...folders, "."]);
const pages = files.filter((file) => file.endsWith(".md"));

const markdown = new MarkdownIt({ html: true });
const parsed = new Map(pages.map((page) => [page, markdown.parse(read(page), {})]));
const inline = (page) => parsed.get(page).flatMap(({ children }) => children ?? []);

/** Anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(page) {
    const slugger = new GithubSlugger();
    const tokens = parsed.get(page);
    return tokens
        .filter((_, i) => tokens[i - 1]?.type === "heading_open")
        .map(({ children }) => slugger.slug(children.map(({ content }) => content).join("")));
}

function targetsOf(page) {
    const links = inline(page).map((token) => token.attrGet("href") ?? token.attrGet("src"));
    const html = parsed.get(page).filter(({ type }) => type === "html_block");
    const tags = [...html, ...inline(page).filter(({ type }) => type === "html_inline")]
        .map(({ content }) => content)
        .join("\n");
    return [...links, ...Array.from(tags.matchAll(/(?:href|src)="([^"]+)"/g), (match) => match[1])].filter(
        (target) => target && !/^[a-z]+:/.test(target),
    );
}

/** What is wrong with a link, or null. */
function faultOf(page, target) {
    const [address, anchor] = decodeURI(target).split("#");
    const file =
        address === ""
            ? page
            : path.posix.normalize(path.posix.join(path.posix.dirname(page), address)).replace(/\/$/, "");
    if (!places.has(file)) {
        return "there is no such file";
    }
    return anchor === undefined || (parsed.has(file) && anchorsOf(file).includes(anchor))
        ? null
        : "there is no such heading";
}

test("links and anchors of all pages lead somewhere", () => {
    const broken = pages.flatMap((page) =>
        targetsOf(page).flatMap((target) => {
            const fault = faultOf(page, target);
            return fault ? [`${page}: ${target}: ${fault}`] : [];
        }),
    );
    assert.deepEqual(broken, []);
    assert.ok(pages.flatMap(targetsOf).length > 100, "links were found");
});

test("paths and tests that pages name exist", () => {
    const outputs = /^(training\/(cache|runs)|bench\/node_modules)\b/;
    const tests = files.filter((file) => /(^|\/)tests\//.test(file));
    const missing = pages.flatMap((page) =>
        inline(page)
            .filter(({ type }) => type === "code_inline")
            .map(({ content }) => content)
            .filter((name) => {
                if (
                    /^(assets|bench|bin|docs|samples|scripts|src|tests|training)\/[\w./-]*$/.test(name) &&
                    !outputs.test(name)
                ) {
                    return !places.has(name.replace(/\/$/, ""));
                }
                return (
                    /^([\w/]+\/)?(test_\w+\.py|\w+(\.gpu)?\.spec\.ts|\w+\.e2e\.mjs)$/.test(name) &&
                    !tests.some((file) => file.endsWith(`/${name}`))
                );
            })
            .map((name) => `${page}: ${name}`),
    );
    assert.deepEqual(missing, []);
});

test("lines of prose have at most 120 characters", () => {
    const verbatim = ["fence", "code_block", "html_block", "table_open"];
    const long = pages.flatMap((page) => {
        const stays = parsed.get(page).filter(({ type }) => verbatim.includes(type));
        return read(page)
            .split("\n")
            .map((line, i) => ({
                line,
                place: `${page}:${i + 1}`,
                isProse: !stays.some(({ map: [from, to] }) => i >= from && i < to),
            }))
            .filter(({ line, isProse }) => isProse && line.length > 120 && !line.startsWith("!["))
            .map(({ place }) => place);
    });
    assert.deepEqual(long, []);
});

test("docs/README.md leads to every page of docs", () => {
    const linked = targetsOf("docs/README.md").map((target) => path.posix.join("docs", target.split("#")[0]));
    assert.deepEqual(
        pages.filter((page) => page.startsWith("docs/") && page !== "docs/README.md" && !linked.includes(page)),
        [],
    );
});

test("docs/architecture.md is read in five minutes", () => {
    const words = read("docs/architecture.md").split(/\s+/).filter(Boolean).length;
    assert.ok(words <= 900, `${words} words`);
});
