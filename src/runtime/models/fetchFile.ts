/** Files of the user at an address: avatars, performances, animations, FLAME. */
import { FlexAvatarError } from "../../flame/error.js";
import { FetchAsync, IsHtml, MessageOf, Shorten } from "./loadFailure.js";

/**
 * @param address absolute or relative to the page
 * @param what for messages, as in "the avatar file"
 * @returns its bytes
 * @throws FlexAvatarError `file-missing` if it does not come, or a page of HTML does; `policy-refused`; what `fetch`
 * throws where the signal was aborted
 */
export async function FetchFileAsync(
    address: string | URL,
    what: string,
    signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
    const url = String(address);
    const response = await FetchAsync(url, { what, code: "file-missing", signal });
    const name = what.charAt(0).toUpperCase() + what.slice(1);
    let bytes: Uint8Array<ArrayBuffer>;
    try {
        bytes = new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
        if (signal?.aborted) {
            throw cause;
        }
        throw new FlexAvatarError(
            "file-missing",
            `The connection broke while ${what} came from ${Shorten(url)}: ${MessageOf(cause)}`,
            { cause },
        );
    }
    if (IsHtml(bytes)) {
        throw new FlexAvatarError(
            "file-missing",
            `${name} is not at ${Shorten(url)}: the server sent a page of HTML instead.`,
            { advice: "Check the address; many servers answer a wrong one with a page of their own." },
        );
    }
    return bytes;
}
