/** Twin of src/shaders/positionMap.wgsl: the head model's own function. */
export { PositionMap as PositionMapReference } from "../../flame/positionMap.js";
