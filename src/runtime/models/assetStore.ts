/**
 * Fetches model files: each address once, however many ask, with progress, abort and a hash check, and counts what it
 * fetched.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { OrAborted } from "./abort.js";
import type { IAssetCache } from "./assetCache.js";
import { FetchAsync, IsHtml } from "./loadFailure.js";
import type { NoticeListener, ProgressListener } from "./progress.js";

/** What one call of {@link AssetStore.loadAsync} wants. */
export interface IAssetRequest {
    /** Where the file is. */
    url: string;
    /** Name for progress and messages, as in "the encoder". Default: the address. */
    what?: string;
    /** Expected SHA-256 in lower-case hexadecimal; undefined skips the check. */
    sha256?: string;
    /** Expected size; undefined skips the check. */
    bytes?: number;
    signal?: AbortSignal;
    onProgress?: ProgressListener;
}

/** What an {@link AssetStore} has fetched so far. */
export interface IAssetStatistics {
    /** Requests sent to the network (or to the browser's cache). */
    requests: number;
    /** Bytes received, after decompression. */
    bytes: number;
    /** Files that an earlier visit had left in the cache. */
    cached: number;
}

interface IPending {
    promise: Promise<Uint8Array<ArrayBuffer>>;
    controller: AbortController;
    /** Callers still waiting; when the last one aborts, the request is stopped. */
    waiting: number;
    listeners: Set<ProgressListener>;
}

/** A cache of fetched files. Bytes are shared between callers and must not be written to. */
export class AssetStore {
    private readonly _files = new Map<string, IPending>();
    private readonly _statistics: IAssetStatistics = { requests: 0, bytes: 0, cached: 0 };
    private readonly _onNotice: NoticeListener | undefined;
    private _noticedHash = false;
    private _disposed = false;

    /**
     * @param onNotice told once when the page has no crypto.subtle, so that only sizes can be checked
     * @param _cache looked into before a file with a hash is fetched, and filled; null for none
     */
    public constructor(
        onNotice?: NoticeListener,
        private readonly _cache: IAssetCache | null = null,
    ) {
        this._onNotice = onNotice;
    }

    /** A copy of the counts. */
    public get statistics(): IAssetStatistics {
        return { ...this._statistics };
    }

    /**
     * Fetches a file, or returns it from the store. A failed or aborted request is forgotten, so that asking again
     * tries again.
     * @returns the bytes; shared, never write to them
     * @throws FlexAvatarError `models-missing` (unreachable, or a page of HTML in its place), `policy-refused`,
     * `models-hash` (other bytes than wanted), `aborted`, `disposed`
     */
    public async loadAsync(request: IAssetRequest): Promise<Uint8Array<ArrayBuffer>> {
        const { url, signal, onProgress } = request;
        const what = request.what ?? url;
        if (this._disposed) {
            throw new FlexAvatarError("disposed", `${what} was asked of a store that is disposed.`);
        }
        if (signal?.aborted) {
            throw new FlexAvatarError("aborted", `Aborted while loading ${what}.`, { cause: signal.reason });
        }
        let pending = this._files.get(url);
        if (pending === undefined) {
            pending = this._start(request, what);
            this._files.set(url, pending);
        }
        pending.waiting++;
        if (onProgress) {
            pending.listeners.add(onProgress);
        }
        try {
            return await OrAborted(pending.promise, signal, `loading ${what}`);
        } catch (error) {
            if (this._files.get(url) === pending && pending.waiting === 1) {
                this._files.delete(url);
                pending.controller.abort();
            }
            throw error;
        } finally {
            pending.waiting--;
            if (onProgress) {
                pending.listeners.delete(onProgress);
            }
        }
    }

    /**
     * Forgets a file, so that its memory can be reclaimed. Asking again fetches again.
     * @param url the address it was loaded from
     */
    public release(url: string): void {
        if (this._files.get(url)?.waiting === 0) {
            this._files.delete(url);
        }
    }

    /** Stops running requests and forgets everything. May be called twice. */
    public dispose(): void {
        this._disposed = true;
        for (const { controller } of this._files.values()) {
            controller.abort();
        }
        this._files.clear();
    }

    private _start(request: IAssetRequest, what: string): IPending {
        const controller = new AbortController();
        const listeners = new Set<ProgressListener>();
        const promise = this._findOrFetchAsync(request, what, controller.signal, listeners);
        promise.catch(() => undefined); // every waiter may have aborted
        return { promise, controller, waiting: 0, listeners };
    }

    private async _findOrFetchAsync(
        request: IAssetRequest,
        what: string,
        signal: AbortSignal,
        listeners: ReadonlySet<ProgressListener>,
    ): Promise<Uint8Array<ArrayBuffer>> {
        const { sha256, bytes } = request;
        const cache = this._canHash ? this._cache : null;
        if (sha256 === undefined || !cache) {
            return await this._fetchAsync(request, what, signal, listeners);
        }
        const found = await cache.findAsync(sha256);
        if (found) {
            if ((bytes ?? found.byteLength) === found.byteLength && (await HashOf(found)) === sha256) {
                this._statistics.cached++;
                const size = { loadedBytes: found.byteLength, totalBytes: found.byteLength };
                listeners.forEach((listener) => listener({ stage: `loading ${what}`, fraction: 1, ...size }));
                return found;
            }
            await cache.dropAsync(sha256);
        }
        const fetched = await this._fetchAsync(request, what, signal, listeners);
        void cache.putAsync(sha256, fetched); // nobody waits for it
        return fetched;
    }

    private get _canHash(): boolean {
        return (globalThis.crypto?.subtle as SubtleCrypto | undefined) !== undefined;
    }

    private async _fetchAsync(
        { url, sha256, bytes: wanted }: IAssetRequest,
        what: string,
        signal: AbortSignal,
        listeners: ReadonlySet<ProgressListener>,
    ): Promise<Uint8Array<ArrayBuffer>> {
        this._statistics.requests++;
        let received: Uint8Array<ArrayBuffer>;
        try {
            const response = await FetchAsync(url, { what, code: "models-missing", signal });
            received = await this._readAsync(response, wanted, what, listeners);
        } catch (error) {
            if (error instanceof FlexAvatarError) {
                throw error;
            }
            if (signal.aborted) {
                const code = this._disposed ? "disposed" : "aborted";
                throw new FlexAvatarError(code, `Loading ${what} was stopped.`, { cause: error });
            }
            throw new FlexAvatarError("models-missing", `The connection broke while ${what} came from ${url}.`, {
                cause: error,
            });
        }
        if (IsHtml(received)) {
            throw new FlexAvatarError(
                "models-missing",
                `${what} is not at ${url}: the server sent a page of HTML instead.`,
                {
                    advice: "Check the address; many servers answer a wrong one with a page of their own.",
                },
            );
        }
        if (wanted !== undefined && received.byteLength !== wanted) {
            throw new FlexAvatarError(
                "models-hash",
                `${what} (${url}) has ${received.byteLength} bytes; models.json lists ${wanted}.`,
            );
        }
        if (sha256 !== undefined) {
            await this._checkHashAsync(received, sha256, what, url);
        }
        return received;
    }

    private async _readAsync(
        response: Response,
        wanted: number | undefined,
        what: string,
        listeners: ReadonlySet<ProgressListener>,
    ): Promise<Uint8Array<ArrayBuffer>> {
        const report = (loadedBytes: number, totalBytes: number): void => {
            for (const listener of listeners) {
                listener({
                    stage: `loading ${what}`,
                    fraction: totalBytes > 0 ? Math.min(1, loadedBytes / totalBytes) : 0,
                    loadedBytes,
                    totalBytes,
                });
            }
        };
        // Content-Length counts compressed bytes, so the manifest's number is the better one.
        const total = wanted ?? Number(response.headers.get("Content-Length") ?? 0);
        const chunks: Uint8Array[] = [];
        let loaded = 0;
        report(0, total);
        const reader = response.body?.getReader();
        while (reader) {
            const { done, value } = await reader.read();
            if (done) {
                break;
            }
            chunks.push(value);
            loaded += value.byteLength;
            this._statistics.bytes += value.byteLength;
            report(loaded, total);
        }
        const bytes = new Uint8Array(loaded);
        let offset = 0;
        for (const chunk of chunks) {
            bytes.set(chunk, offset);
            offset += chunk.byteLength;
        }
        report(loaded, loaded);
        return bytes;
    }

    private async _checkHashAsync(
        bytes: Uint8Array<ArrayBuffer>,
        wanted: string,
        what: string,
        url: string,
    ): Promise<void> {
        if (!this._canHash) {
            if (!this._noticedHash) {
                this._noticedHash = true;
                this._onNotice?.({
                    code: "hash-unchecked",
                    message:
                        "Model files were checked by size only: this page has no crypto.subtle. Serve it over HTTPS or from localhost.",
                });
            }
            return;
        }
        const hash = await HashOf(bytes);
        if (hash !== wanted) {
            throw new FlexAvatarError(
                "models-hash",
                `${what} (${url}) has SHA-256 ${hash}; models.json lists ${wanted}.`,
            );
        }
    }
}

async function HashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    return ToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** @returns lower-case hexadecimal, two digits per byte */
export function ToHex(bytes: Uint8Array): string {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Joins a folder and a relative path.
 * @param folder an address, absolute or relative to the page, with or without a slash at its end
 * @param file a path below it
 */
export function JoinUrl(folder: string, file: string): string {
    return folder === "" || folder.endsWith("/") ? folder + file : `${folder}/${file}`;
}
