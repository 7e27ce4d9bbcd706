/** Avatars as meshes, in one part: only pages without WebGPU load it. */
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { IAvatarDrawing, IAvatarLook } from "../avatar/avatarDrawing.js";
import { MeshDrawing } from "./meshDrawing.js";
import { PersonBody } from "./personBody.js";

/** A person as meshes; one per person, instances share it. */
export interface IDrawnBody {
    readonly body: PersonBody;
    /** Meshes of one avatar; owned by it. */
    createDrawing(
        look: IAvatarLook & { readonly name: string },
        posedNode: TransformNode,
        latestCopy: () => IAvatarDrawing | null,
    ): MeshDrawing;
}

/** See {@link PersonBody.MakeAsync}. */
export async function MakeBodyAsync(...person: Parameters<typeof PersonBody.MakeAsync>): Promise<IDrawnBody> {
    const body = await PersonBody.MakeAsync(...person);
    return {
        body,
        createDrawing: (look, posedNode, latestCopy) => new MeshDrawing(look, posedNode, body, latestCopy),
    };
}
