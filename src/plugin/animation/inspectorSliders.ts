/**
 * Sliders of the expressions in Babylon's Inspector, which shows properties of a node itself and none of objects below
 * it.
 */
import { InspectableType, type IInspectable } from "@babylonjs/core/Misc/iInspectable.js";
import type { Node } from "@babylonjs/core/node.js";
import type { ExpressionTracks } from "./expressionTracks.js";

/**
 * Gives a node one property per track, as in `expression_jawOpen`, and lists them for the Inspector.
 * The properties are not enumerable: whoever copies or prints the node does not meet them.
 */
export function AddInspectorSliders(node: Node, tracks: ExpressionTracks): void {
    const sliders: IInspectable[] = [];
    for (let index = 0; index < tracks.numTargets; index++) {
        const track = tracks.getTarget(index);
        const propertyName = `expression_${track.name}`;
        Object.defineProperty(node, propertyName, {
            configurable: true, // the Inspector wraps it to hear of changes
            get: () => track.influence,
            set: (value: number) => {
                track.influence = value;
            },
        });
        sliders.push({
            label: track.name,
            propertyName,
            type: InspectableType.Slider,
            min: track.min,
            max: track.max,
            step: 0.01,
        });
    }
    node.inspectableCustomProperties = [...(node.inspectableCustomProperties ?? []), ...sliders];
}
