/**
 * Why something that a page loads did not come: its policy, the other site's, a wrong address, or a page in the place
 * of a file.
 */
import { FlexAvatarError, type FlexAvatarErrorCode } from "../../flame/error.js";

/** What a Content-Security-Policy refused. */
export interface IRefusal {
    /** The directive that refused it, as in "connect-src". */
    directive: string;
    /** An address, or "eval", "wasm-eval" and "inline". */
    blocked: string;
}

/** Notes what the page's Content-Security-Policy refuses, from its making to its dispose. */
export class PolicyWatch {
    private readonly _refusals: IRefusal[] = [];

    public constructor() {
        globalThis.addEventListener?.("securitypolicyviolation", this._note);
    }

    /**
     * Browsers tell of a refusal a little after the call that was refused has failed, so this waits for a moment.
     * @param fits which refusal counts
     * @returns the first that fits, or null
     */
    public async findAsync(fits: (refusal: IRefusal) => boolean): Promise<IRefusal | null> {
        for (let turn = 0; turn < 3; turn++) {
            const found = this._refusals.find(fits);
            if (found) {
                return found;
            }
            await new Promise((resolve) => setTimeout(resolve, 0));
        }
        return this._refusals.find(fits) ?? null;
    }

    /** May be called twice. */
    public dispose(): void {
        globalThis.removeEventListener?.("securitypolicyviolation", this._note);
    }

    private readonly _note = (event: Event): void => {
        const { disposition, effectiveDirective, blockedURI } = event as SecurityPolicyViolationEvent;
        if (disposition !== "report") {
            this._refusals.push({ directive: effectiveDirective, blocked: blockedURI });
        }
    };
}

/** What must be allowed for each thing that a policy can refuse us. */
const Remedies: Readonly<Record<string, string>> = {
    eval: "'unsafe-eval'",
    "wasm-eval": "'wasm-unsafe-eval'",
    inline: "'unsafe-inline'",
    blob: "blob:",
};

/**
 * @param what what was loaded, as in "the encoder"
 * @returns the error that names the directive and what it must allow
 */
export function PolicyError(what: string, { directive, blocked }: IRefusal, cause: unknown): FlexAvatarError {
    const missing = Remedies[blocked] ?? (blocked.startsWith("blob:") ? "blob:" : OriginOf(blocked));
    return new FlexAvatarError(
        "policy-refused",
        `The page's Content-Security-Policy refuses ${what}: its ${directive} does not allow ${Remedies[blocked] ?? Shorten(blocked)}.`,
        {
            advice: `Add ${missing} to ${directive} in the page's policy; docs/hosting.md lists all that is needed.`,
            cause,
        },
    );
}

/** @returns whether a refusal is about an address; browsers shorten some addresses to their site */
export function IsRefusalOf(url: string): (refusal: IRefusal) => boolean {
    const { href, origin } = new URL(url, globalThis.location?.href);
    return ({ blocked }) => blocked === href || (origin !== "null" && (blocked === origin || blocked === `${origin}/`));
}

/** Whether a refusal can have kept a script or its WebAssembly from starting. */
export function IsRefusalOfScripts({ directive, blocked }: IRefusal): boolean {
    return /^(script-src|connect-src|worker-src)/.test(directive) && blocked !== "inline";
}

/**
 * What an error of starting WebAssembly says of the policy: there the browser may send no event, as in a worker.
 * @returns the refusal, or null if it was something else
 */
export function WasmRefusalIn(message: string): IRefusal | null {
    return /content security policy|blocked by csp|unsafe-eval/i.test(message)
        ? { directive: "script-src", blocked: "wasm-eval" }
        : null;
}

/** What {@link FetchAsync} needs to know. */
export interface IFetchSettings {
    /** For messages, as in "the encoder". */
    what: string;
    /** Code of the error where the file does not come. */
    code: FlexAvatarErrorCode;
    signal?: AbortSignal;
}

/**
 * `fetch` that says why it failed.
 * @param url absolute or relative to the page
 * @returns a response with a status of success
 * @throws FlexAvatarError `policy-refused`, or the given code; what `fetch` throws where the signal was aborted
 */
export async function FetchAsync(url: string, { what, code, signal }: IFetchSettings): Promise<Response> {
    const watch = new PolicyWatch();
    const name = what.charAt(0).toUpperCase() + what.slice(1);
    try {
        const response = await fetch(url, { signal });
        if (!response.ok) {
            throw new FlexAvatarError(
                code,
                `${name} is not at ${Shorten(url)}: the server answered ${response.status}.`,
                {
                    advice: "Check the address, and that the file is there.",
                },
            );
        }
        return response;
    } catch (error) {
        if (error instanceof FlexAvatarError || signal?.aborted) {
            throw error;
        }
        const refusal = await watch.findAsync(IsRefusalOf(url));
        if (refusal) {
            throw PolicyError(`fetching ${what}`, refusal, error);
        }
        const { why, advice } = await WhyAsync(url);
        throw new FlexAvatarError(code, `${name} could not be fetched from ${Shorten(url)}: ${why}.`, {
            advice,
            cause: error,
        });
    } finally {
        watch.dispose();
    }
}

const CorsAdvice =
    "Send Access-Control-Allow-Origin with the files, or serve them from the page's own site (docs/hosting.md).";

/** Tells apart what `fetch` calls by one name. */
async function WhyAsync(url: string): Promise<{ why: string; advice?: string }> {
    const page = globalThis.location as Location | undefined;
    const target = new URL(url, page?.href);
    if (!/^https?:$/.test(target.protocol) || target.origin === page?.origin) {
        return { why: "the server does not answer, or broke off" };
    }
    if (page?.protocol === "https:" && target.protocol === "http:") {
        return { why: "a page on HTTPS may not load from http:", advice: "Serve the files over HTTPS." };
    }
    // A request whose answer nobody may read succeeds where the server answers at all.
    const answers = await fetch(url, { mode: "no-cors", method: "HEAD" }).then(
        () => true,
        () => false,
    );
    return answers
        ? { why: "its server answers, but does not let this page read it (CORS)", advice: CorsAdvice }
        : { why: "its server does not answer, or does not let this page read it (CORS)", advice: CorsAdvice };
}

/** @returns whether the bytes are a page of HTML, with which many servers answer a wrong address */
export function IsHtml(bytes: Uint8Array): boolean {
    return /^\uFEFF?\s*<(!doctype html|html|head|body)\b/i.test(new TextDecoder().decode(bytes.subarray(0, 256)));
}

/** The text of whatever was thrown. */
export function MessageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}

/** Addresses may be data: URLs of megabytes. */
export function Shorten(url: string): string {
    return url.length > 200 ? `${url.slice(0, 200)}…` : url;
}

function OriginOf(url: string): string {
    try {
        const { origin, protocol } = new URL(url, globalThis.location?.href);
        return origin === globalThis.location?.origin ? "'self'" : origin === "null" ? protocol : origin;
    } catch {
        return url;
    }
}
