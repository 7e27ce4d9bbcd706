/**
 * Model files that this origin has fetched before, by their SHA-256, in the browser's Cache Storage: a page that comes
 * again, and other pages of the origin, fetch nothing. What is there is checked like what comes from the network. A
 * page without Cache Storage (not on https, in a private window that refuses it, in Node) works as if nothing were there.
 */
import type { NoticeListener } from "./progress.js";

/** Of all pages of an origin. */
export const AssetCacheName = "flexavatar-models";
/** Keys are addresses that nobody fetches. */
const KeyOf = (sha256: string): string => `https://flexavatar.invalid/${sha256}`;

/** Where an {@link AssetStore} looks before it fetches. Nothing of it throws. */
export interface IAssetCache {
    /** @returns the bytes as they were put, or null */
    findAsync(sha256: string): Promise<Uint8Array<ArrayBuffer> | null>;
    /** @param bytes their hash is known to be `sha256` */
    putAsync(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
    /** Takes one out that turned out to be damaged. */
    dropAsync(sha256: string): Promise<void>;
}

/** The cache of this origin, or null where there is none. */
export function OpenAssetCache(onNotice?: NoticeListener): IAssetCache | null {
    const storage = StorageOfPage();
    return storage && new StorageCache(storage, onNotice);
}

/** Reading the property alone throws in frames that may store nothing. */
function StorageOfPage(): CacheStorage | null {
    try {
        return (globalThis as { caches?: CacheStorage }).caches ?? null;
    } catch {
        return null;
    }
}

class StorageCache implements IAssetCache {
    private _isFull = false;

    public constructor(
        private readonly _storage: CacheStorage,
        private readonly _onNotice: NoticeListener | undefined,
    ) {}

    public async findAsync(sha256: string): Promise<Uint8Array<ArrayBuffer> | null> {
        try {
            const found = await (await this._storage.open(AssetCacheName)).match(KeyOf(sha256));
            return found ? new Uint8Array(await found.arrayBuffer()) : null;
        } catch {
            return null; // private windows, deleted meanwhile
        }
    }

    public async putAsync(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
        if (this._isFull) {
            return;
        }
        try {
            const cache = await this._storage.open(AssetCacheName);
            try {
                await cache.put(KeyOf(sha256), new Response(bytes));
            } catch {
                // Full: files of earlier releases go first, as nobody can tell which of them are still wanted.
                await Promise.all((await cache.keys()).map((key) => cache.delete(key)));
                await cache.put(KeyOf(sha256), new Response(bytes));
            }
        } catch (error) {
            this._isFull = true;
            this._onNotice?.({
                code: "cache-full",
                message: `Model files are not kept for the next visit: the browser stores nothing more for this site. ${String(error)}`,
            });
        }
    }

    public async dropAsync(sha256: string): Promise<void> {
        try {
            await (await this._storage.open(AssetCacheName)).delete(KeyOf(sha256));
        } catch {
            // then the next put replaces it
        }
    }
}
