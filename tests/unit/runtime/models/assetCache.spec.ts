// Model files of an earlier visit: found by their hash, never believed unchecked, and nothing lost where none is kept.
import { AssetCacheName, OpenAssetCache } from "../../../../src/runtime/models/assetCache";
import { AssetStore, ToHex } from "../../../../src/runtime/models/assetStore";

async function HashOfAsync(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    return ToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

describe("asset cache", () => {
    const contents: Record<string, Uint8Array<ArrayBuffer>> = {
        "/old": Uint8Array.from({ length: 900 }, (_, i) => i & 255),
        "/new": Uint8Array.from({ length: 900 }, (_, i) => (3 * i) & 255),
    };
    let fetched: string[];

    beforeEach(async () => {
        fetched = [];
        await caches.delete(AssetCacheName);
        spyOn(globalThis, "fetch").and.callFake(async (input) => {
            fetched.push(String(input));
            return new Response(contents[String(input)]);
        });
    });
    const storage = caches; // the last test takes the property away
    afterEach(async () => void (await storage.delete(AssetCacheName)));

    /** A page that loads a file, and waits until it is kept. */
    async function VisitAsync(url: string, codes: string[] = []): Promise<AssetStore> {
        const cache = OpenAssetCache(({ code }) => codes.push(code));
        let kept: Promise<void> = Promise.resolve();
        const watched = cache && {
            findAsync: (hash: string) => cache.findAsync(hash),
            dropAsync: (hash: string) => cache.dropAsync(hash),
            putAsync: (hash: string, bytes: Uint8Array<ArrayBuffer>) => (kept = cache.putAsync(hash, bytes)),
        };
        const store = new AssetStore(undefined, watched);
        const bytes = await store.loadAsync({ url, sha256: await HashOfAsync(contents[url]), bytes: 900 });
        expect(bytes).toEqual(contents[url]);
        await kept;
        return store;
    }

    it("fetches a file once for all pages, and another one when its hash is another", async () => {
        expect((await VisitAsync("/old")).statistics.cached).toBe(0);
        const second = await VisitAsync("/old");
        expect(second.statistics).toEqual({ requests: 0, bytes: 0, cached: 1 });
        await Promise.all([VisitAsync("/old"), VisitAsync("/old")]);
        expect(fetched).toEqual(["/old"]);
        await VisitAsync("/new");
        await VisitAsync("/new");
        expect(fetched).toEqual(["/old", "/new"]);
    });

    it("fetches again what is damaged in the cache", async () => {
        await VisitAsync("/old");
        const cache = await caches.open(AssetCacheName);
        const [key] = await cache.keys();
        await cache.put(key, new Response(contents["/new"]));
        await VisitAsync("/old");
        await VisitAsync("/old");
        expect(fetched).toEqual(["/old", "/old"]);
    });

    it("makes room where the browser stores nothing more, and says so where that does not help", async () => {
        await VisitAsync("/old");
        let refusals = 1;
        const { put } = Cache.prototype;
        spyOn(Cache.prototype, "put").and.callFake(async function (this: Cache, ...parameters) {
            if (refusals-- > 0) {
                throw new DOMException("no more", "QuotaExceededError");
            }
            await put.apply(this, parameters);
        });
        const codes: string[] = [];
        await VisitAsync("/new", codes);
        expect((await (await caches.open(AssetCacheName)).keys()).length).toBe(1); // the old one went
        refusals = 100;
        await VisitAsync("/old", codes);
        expect(codes).toEqual(["cache-full"]);
    });

    it("is not there in private windows that refuse it, nor without Cache Storage", async () => {
        spyOn(caches, "open").and.rejectWith(new DOMException("private", "SecurityError"));
        const codes: string[] = [];
        await VisitAsync("/old", codes);
        await VisitAsync("/old", codes);
        expect(fetched).toEqual(["/old", "/old"]);
        expect([...new Set(codes)]).toEqual(["cache-full"]);
        spyOnProperty(globalThis, "caches").and.throwError(new DOMException("frame", "SecurityError"));
        expect(OpenAssetCache()).toBeNull();
        await VisitAsync("/old");
    });
});
