import { FlexAvatarError } from "../../../../src/flame/error";
import { AssetStore, JoinUrl, ToHex } from "../../../../src/runtime/models/assetStore";
import { AsyncQueue } from "../../../../src/runtime/models/asyncQueue";
import type { IRuntimeProgress } from "../../../../src/runtime/models/progress";

async function CodeOf(work: Promise<unknown>): Promise<string> {
    return work.then(
        () => "no error",
        (error: unknown) => (error instanceof FlexAvatarError ? error.code : `not ours: ${String(error)}`),
    );
}

async function HashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    return ToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

describe("asset store", () => {
    const content = Uint8Array.from({ length: 5000 }, (_, i) => (i * 31) & 255);
    let fetched: string[];
    let signals: AbortSignal[];

    /**
     * Replaces fetch: "/stuck" sends 100 bytes and then nothing, "/missing" answers 404, "/offline" throws, the rest
     * sends `content`.
     */
    beforeEach(() => {
        fetched = [];
        signals = [];
        spyOn(globalThis, "fetch").and.callFake(async (input, init) => {
            const url = String(input);
            const signal = init!.signal!;
            fetched.push(url);
            signals.push(signal);
            if (url === "/missing") {
                return new Response("", { status: 404 });
            }
            if (url === "/offline") {
                throw new TypeError("Failed to fetch");
            }
            const body = new ReadableStream<Uint8Array>({
                start(controller) {
                    signal.addEventListener("abort", () => controller.error(signal.reason));
                    controller.enqueue(content.subarray(0, 100));
                    if (url !== "/stuck") {
                        controller.enqueue(content.subarray(100));
                        controller.close();
                    }
                },
            });
            return new Response(body);
        });
    });

    it("fetches an address once for all who ask and counts requests and bytes", async () => {
        const store = new AssetStore();
        const [a, b] = await Promise.all([store.loadAsync({ url: "/a" }), store.loadAsync({ url: "/a" })]);
        const c = await store.loadAsync({ url: "/a" });
        expect(a).toEqual(content);
        expect(b).toBe(a);
        expect(c).toBe(a);
        await store.loadAsync({ url: "/b" });
        expect(fetched).toEqual(["/a", "/b"]);
        expect(store.statistics).toEqual({ requests: 2, bytes: 2 * content.length, cached: 0 });
    });

    it("accepts the right hash and refuses one flipped bit", async () => {
        const sha256 = await HashOf(content);
        const store = new AssetStore();
        expect(await CodeOf(store.loadAsync({ url: "/a", sha256, bytes: content.length }))).toBe("no error");
        content[1234] ^= 1;
        expect(await CodeOf(store.loadAsync({ url: "/b", sha256, bytes: content.length }))).toBe("models-hash");
        content[1234] ^= 1;
        expect(await CodeOf(store.loadAsync({ url: "/b", sha256 }))).toBe("no error"); // a failure is not remembered
        expect(await CodeOf(store.loadAsync({ url: "/c", bytes: content.length + 1 }))).toBe("models-hash");
    });

    it("says what is missing and where", async () => {
        const store = new AssetStore();
        for (const url of ["/missing", "/offline"]) {
            const error = await store.loadAsync({ url, what: "the encoder" }).catch((e: FlexAvatarError) => e);
            expect((error as FlexAvatarError).code).toBe("models-missing");
            expect((error as FlexAvatarError).message).toContain("The encoder");
            expect((error as FlexAvatarError).message).toContain(url);
        }
    });

    it("stops the request when its last caller aborts, and only then", async () => {
        const store = new AssetStore();
        const first = new AbortController();
        const second = new AbortController();
        const a = CodeOf(store.loadAsync({ url: "/stuck", signal: first.signal }));
        const b = CodeOf(store.loadAsync({ url: "/stuck", signal: second.signal }));
        first.abort();
        expect(await a).toBe("aborted");
        expect(signals[0].aborted).toBe(false);
        second.abort();
        expect(await b).toBe("aborted");
        expect(signals[0].aborted).toBe(true);
        expect(fetched.length).toBe(1);
        const again = new AbortController();
        const c = CodeOf(store.loadAsync({ url: "/stuck", signal: again.signal }));
        expect(fetched.length).toBe(2); // asking again tries again
        again.abort();
        expect(await c).toBe("aborted");
    });

    it("does not start for a signal that is aborted already", async () => {
        expect(await CodeOf(new AssetStore().loadAsync({ url: "/a", signal: AbortSignal.abort() }))).toBe("aborted");
        expect(fetched).toEqual([]);
    });

    it("disposes while loading and twice", async () => {
        const store = new AssetStore();
        const loading = CodeOf(store.loadAsync({ url: "/stuck" }));
        store.dispose();
        store.dispose();
        expect(await loading).toBe("disposed");
        expect(signals[0].aborted).toBe(true);
        expect(await CodeOf(store.loadAsync({ url: "/a" }))).toBe("disposed");
    });

    it("reports progress that never goes back and ends at 1", async () => {
        const reports: IRuntimeProgress[] = [];
        await new AssetStore().loadAsync({
            url: "/a",
            bytes: content.length,
            onProgress: (report) => reports.push({ ...report }),
        });
        expect(reports.map((r) => r.fraction)).toEqual([...reports.map((r) => r.fraction)].sort((a, b) => a - b));
        expect(reports[0].fraction).toBe(0);
        expect(reports.at(-1)).toEqual({
            stage: "loading /a",
            fraction: 1,
            loadedBytes: content.length,
            totalBytes: content.length,
        });
    });

    it("joins folders and files", () => {
        expect(JoinUrl("https://x.org/m", "a/b")).toBe("https://x.org/m/a/b");
        expect(JoinUrl("/m/", "a")).toBe("/m/a");
        expect(JoinUrl("", "a")).toBe("a");
    });
});

describe("queue", () => {
    it("runs jobs one at a time, in order, past failures", async () => {
        const queue = new AsyncQueue();
        const log: string[] = [];
        const job = (name: string, fails: boolean) => async () => {
            log.push(`${name} starts`);
            await new Promise((done) => setTimeout(done, 1));
            log.push(`${name} ends`);
            if (fails) {
                throw new Error(name);
            }
            return name;
        };
        const results = await Promise.allSettled([
            queue.run(job("a", false)),
            queue.run(job("b", true)),
            queue.run(job("c", false)),
        ]);
        expect(log).toEqual(["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]);
        expect(results.map((r) => r.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    });
});
