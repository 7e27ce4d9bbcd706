// What does not load says why: a status, a page of HTML, another site's or the page's own policy, or nothing at all.
import { FlexAvatarError } from "../../../../src/flame/error";
import { AssetStore } from "../../../../src/runtime/models/assetStore";
import {
    FetchAsync,
    IsHtml,
    IsRefusalOf,
    PolicyError,
    PolicyWatch,
    WasmRefusalIn,
} from "../../../../src/runtime/models/loadFailure";

const elsewhere = "https://assets.example/models/encoder.data";

async function ErrorOf(work: Promise<unknown>): Promise<FlexAvatarError> {
    try {
        await work;
    } catch (error) {
        return error as FlexAvatarError;
    }
    throw new Error("nothing was thrown");
}

/** What a browser sends when a policy refuses something. */
function Refuse(directive: string, blockedURI: string, disposition: "enforce" | "report" = "enforce"): void {
    const details = { effectiveDirective: directive, violatedDirective: directive, blockedURI, disposition };
    const required = { documentURI: location.href, originalPolicy: "", statusCode: 200 };
    document.dispatchEvent(
        new SecurityPolicyViolationEvent("securitypolicyviolation", { ...details, ...required, bubbles: true }),
    );
}

describe("a file that does not load", () => {
    const settings = { what: "the encoder", code: "models-missing" } as const;
    /** `fetch` as a browser has it where nothing may be read; `answers` is what a request without reading gives. */
    const fail = (answers: boolean, before?: () => void): jasmine.Spy =>
        spyOn(globalThis, "fetch").and.callFake(async (_url, init) => {
            if (init?.mode === "no-cors" && answers) {
                return Response.error();
            }
            before?.();
            throw new TypeError("Failed to fetch");
        });

    it("names the status", async () => {
        spyOn(globalThis, "fetch").and.resolveTo(new Response("", { status: 404 }));
        const error = await ErrorOf(FetchAsync("models/encoder.data", settings));
        expect([error.code, error.message]).toEqual([
            "models-missing",
            "The encoder is not at models/encoder.data: the server answered 404.",
        ]);
    });

    it("names a server of the page's own site that does not answer, without asking twice", async () => {
        const fetched = fail(false);
        const error = await ErrorOf(FetchAsync("/models/encoder.data", settings));
        expect(error.code).toBe("models-missing");
        expect(error.message).toContain("does not answer");
        expect(error.message).not.toContain("CORS");
        expect(fetched.calls.count()).toBe(1);
    });

    it("tells another site that forbids reading from one that does not answer", async () => {
        const fetched = fail(true);
        const forbidden = await ErrorOf(FetchAsync(elsewhere, settings));
        expect(forbidden.message).toContain("its server answers, but does not let this page read it (CORS)");
        expect(forbidden.advice).toContain("Access-Control-Allow-Origin");
        expect(fetched.calls.argsFor(1)[1]).toEqual({ mode: "no-cors", method: "HEAD" }); // no bytes for nothing
        fetched.and.rejectWith(new TypeError("Failed to fetch"));
        const unknown = await ErrorOf(FetchAsync(elsewhere, settings));
        expect(unknown.message).toContain("does not answer, or does not let this page read it (CORS)");
    });

    it("names the directive of the page's policy that refused it", async () => {
        const fetched = fail(false, () => setTimeout(() => Refuse("connect-src", elsewhere), 0));
        const error = await ErrorOf(FetchAsync(elsewhere, settings));
        expect(error.code).toBe("policy-refused");
        expect(error.message).toContain("connect-src");
        expect(error.advice).toContain("Add https://assets.example to connect-src");
        expect(fetched.calls.count()).toBe(1);
    });

    it("is not blamed on a policy that refused something else, or only reports", async () => {
        fail(false, () => {
            Refuse("img-src", "https://other.example/a.png");
            Refuse("connect-src", elsewhere, "report");
        });
        expect((await ErrorOf(FetchAsync(elsewhere, settings))).code).toBe("models-missing");
    });

    it("leaves an abort to its caller", async () => {
        fail(false);
        const signal = AbortSignal.abort();
        expect(await ErrorOf(FetchAsync(elsewhere, { ...settings, signal }))).toBeInstanceOf(TypeError);
    });

    it("says when a page of HTML came in its place, whatever its size", async () => {
        spyOn(globalThis, "fetch").and.callFake(async () => new Response("\n <!DOCTYPE html><title>Not here</title>"));
        const error = await ErrorOf(new AssetStore().loadAsync({ url: "a.wasm", what: "ONNX Runtime", bytes: 3 }));
        expect(error.code).toBe("models-missing");
        expect(error.message).toContain("a page of HTML");
        const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
        expect(["<html lang=en>", "<!doctype html>", "\uFEFF<HEAD>"].map((text) => IsHtml(bytes(text)))).toEqual([
            true,
            true,
            true,
        ]);
        expect(["\0asm", '{"a": "<html>"}', "<htmlish", ""].map((text) => IsHtml(bytes(text)))).toEqual([
            false,
            false,
            false,
            false,
        ]);
    });
});

describe("a policy", () => {
    it("is watched until the watch ends", async () => {
        const watch = new PolicyWatch();
        Refuse("script-src", "eval");
        expect(await watch.findAsync(({ blocked }) => blocked === "eval")).toEqual({
            directive: "script-src",
            blocked: "eval",
        });
        expect(await watch.findAsync(({ directive }) => directive === "worker-src")).toBe(null);
        watch.dispose();
        watch.dispose();
        Refuse("worker-src", "blob");
        expect(await watch.findAsync(({ directive }) => directive === "worker-src")).toBe(null);
    });

    it("is told what it must allow", () => {
        const advice = (directive: string, blocked: string): string =>
            PolicyError("it", { directive, blocked }, null).advice;
        expect(advice("script-src", "wasm-eval")).toContain("'wasm-unsafe-eval' to script-src");
        expect(advice("script-src", "eval")).toContain("'unsafe-eval' to script-src");
        expect(advice("worker-src", "blob")).toContain("blob: to worker-src");
        expect(advice("connect-src", `${location.origin}/models/a.bin`)).toContain("'self' to connect-src");
    });

    it("is recognised in what browsers say of WebAssembly", () => {
        const said = [
            "WebAssembly.instantiate(): Compiling or instantiating WebAssembly module violates the following Content Security policy directive",
            "call to WebAssembly.instantiate() blocked by CSP",
            "Refused to create a WebAssembly object because 'unsafe-eval' or 'wasm-unsafe-eval' is not an allowed source of script",
        ];
        expect(said.map((text) => WasmRefusalIn(text)?.blocked)).toEqual(["wasm-eval", "wasm-eval", "wasm-eval"]);
        expect(WasmRefusalIn("expected magic word 00 61 73 6d, found 3c 21 64 6f")).toBe(null);
    });

    it("refuses by address or by site", () => {
        const fits = IsRefusalOf(elsewhere);
        const refused = [
            elsewhere,
            "https://assets.example",
            "https://assets.example/",
            "https://assets.example/other",
            "eval",
        ];
        expect(refused.map((blocked) => fits({ directive: "connect-src", blocked }))).toEqual([
            true,
            true,
            true,
            false,
            false,
        ]);
    });
});
