/** A source as scene files hold it, and what stands in its place until a page gives it a device again. */
import type { ISourceSettings } from "./sourceHandle.js";
import type { IFaceSource, ISavedSource } from "./faceSource.js";

/** A source on an avatar as scene files hold it. */
export interface ISavedHandle extends ISavedSource {
    /** Weight, mask, priority and how it comes and goes. */
    readonly handle: ISourceSettings;
}

/**
 * Stands where a scene file had a source that needs a device, a sound or code of the page: it says nothing, and a scene
 * that is saved again has it again.
 * @example
 * for (const handle of avatar.sources) {
 *     const { source, settings } = handle;
 *     if (source instanceof SavedSource && source.kind === "camera") {
 *         handle.remove();
 *         avatar.addSource(await CameraSource.OpenAsync(source.settings), settings);
 *     }
 * }
 */
export class SavedSource implements IFaceSource, ISavedSource {
    public readonly name: string;
    public readonly kind: string;
    public readonly settings: Readonly<Record<string, unknown>>;

    public constructor({ kind, settings }: ISavedSource) {
        this.kind = kind;
        this.settings = settings;
        this.name = typeof settings.name === "string" ? settings.name : kind;
    }

    /** See {@link IFaceSource}. */
    public readFrame(): boolean {
        return false;
    }

    /** See {@link IFaceSource}. */
    public save(): ISavedSource {
        return { kind: this.kind, settings: this.settings };
    }
}

/** The settings that JSON can hold: numbers, texts, yes and no, and lists and tables of these. */
export function PlainSettings(settings: object): Record<string, unknown> {
    return Object.fromEntries(Object.entries(settings).filter(([, value]) => IsPlain(value)));
}

function IsPlain(value: unknown): boolean {
    if (Array.isArray(value)) {
        return value.every(IsPlain);
    }
    if (typeof value === "object" && value !== null) {
        return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(IsPlain);
    }
    return typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}
