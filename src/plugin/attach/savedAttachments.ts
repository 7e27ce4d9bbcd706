/** What hangs on an avatar, and what it hangs on, as scene files hold it. */
import type { SurfaceTarget } from "./surfacePlaces.js";

/** A node as scene files hold it. */
export interface ISavedSurfaceNode {
    readonly id: string;
    readonly name: string;
    readonly target: SurfaceTarget;
    readonly axes: "head" | "surface";
    /** Ids of what hangs on it. */
    readonly children: readonly string[];
}

/** A tie as scene files hold it; nodes by id, bones by name. */
export interface ISavedCharacter {
    readonly target: string;
    readonly bone?: string;
    readonly node?: string;
    /** As it was fitted: a file has the character without the head that was taken off. */
    readonly scale: number;
    readonly ownHead?: "hide" | "keep";
    readonly feather?: number;
    readonly neckBone?: string;
    readonly offset?: readonly number[];
    readonly facing?: readonly number[];
}

/** Attachments as scene files hold them. */
export interface ISavedAttachments {
    readonly surface: readonly ISavedSurfaceNode[];
    readonly character?: ISavedCharacter;
}
