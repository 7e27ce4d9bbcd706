/** The bytes of an avatar file, from wherever a page has it. */
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import { FetchFileAsync } from "../../runtime/models/fetchFile.js";
import { MessageOf } from "../../runtime/models/loadFailure.js";

/**
 * @param source address or bytes
 * @param signal cancels the download
 * @throws FlexAvatarError `file-missing`, `policy-refused`, `invalid-argument`, `aborted`, and `file-format` for a Blob
 * that cannot be read
 */
export async function ReadBytesAsync(
    source: string | URL | Blob | ArrayBuffer | Uint8Array,
    signal: AbortSignal | undefined,
): Promise<Uint8Array> {
    if (ArrayBuffer.isView(source)) {
        return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    }
    if (IsA<ArrayBuffer>(source, "ArrayBuffer")) {
        return new Uint8Array(source);
    }
    try {
        if (IsA<Blob>(source, "Blob", "File")) {
            return new Uint8Array(await source.arrayBuffer());
        }
        if (!IsA<string | URL>(source, "String", "URL")) {
            throw new FlexAvatarError("invalid-argument", `loadAsync got ${Object.prototype.toString.call(source)}.`, {
                advice: "Pass an address, a Blob or the bytes of a .flexavatar file.",
            });
        }
        return await FetchFileAsync(source, "the avatar file", signal);
    } catch (error) {
        ThrowIfAborted(signal, "loading the avatar file");
        if (error instanceof FlexAvatarError) {
            throw error;
        }
        throw new FlexAvatarError(
            "file-format",
            `The avatar file ${String(source)} could not be read: ${MessageOf(error)}`,
            {
                cause: error,
            },
        );
    }
}

/** By the name of the class: `instanceof` would not know objects of another frame. */
function IsA<T>(value: unknown, ...names: string[]): value is T {
    return names.includes(Object.prototype.toString.call(value).slice("[object ".length, -1));
}
