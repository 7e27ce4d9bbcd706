/**
 * A restricted reader of Python's pickles. A pickle is a program; this one runs only the parts of it that build data.
 * What Python would call or make by name must be in the list of `pickleNames.ts`, where it becomes plain data here;
 * everything else is refused. Nothing of the file is ever executed.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { ConstructorOf, Latin1, PickleObject, TextOf, type IPickleConstructor } from "./pickleNames.js";
import { WrongArray } from "./numberArray.js";

/** Declared limits: operations of one pickle (FLAME's have some hundreds), and bytes of what it makes. */
export const [MaxOperations, MaxMadeBytes] = [500_000, 2 ** 28];
/** Longest line of text that is no byte string. */
const MaxLine = 65536;
/** What a value on the stack, in a list or in the memory counts. */
const ValueBytes = 32;

const MarkOfStack = Symbol("mark");

/** An object that a pickle asks for and that is not in the list. */
function Refused(what: string): FlexAvatarError {
    return new FlexAvatarError("pickle-refused", `This pickle asks for ${what}, which is no data.`);
}

/**
 * Reads the value of a pickle.
 * @param bytes protocols 0 to 5; byte strings of the result are views of it
 * @returns null, booleans, numbers, strings, `Uint8Array` for byte strings (Python 2's too), arrays for lists, tuples
 * and sets, `Map` for dictionaries, {@link PickleObject} for what the list allows
 * @throws FlexAvatarError `pickle-refused` for anything but data, `file-format` if it is damaged or beyond the limits
 */
export function ReadPickle(bytes: Uint8Array): unknown {
    return new PickleReader(bytes).read();
}

class PickleReader {
    private readonly _view: DataView;
    private _at = 0;
    private readonly _stack: unknown[] = [];
    private readonly _memo = new Map<number, unknown>();
    private _madeBytes = 0;

    public constructor(private readonly _bytes: Uint8Array) {
        this._view = new DataView(_bytes.buffer, _bytes.byteOffset, _bytes.byteLength);
    }

    public read(): unknown {
        for (let count = 0; count < MaxOperations; count++) {
            const code = this._view.getUint8(this._take(1));
            if (code === Stop) {
                return this.pop();
            }
            const operation = Operations[code];
            if (!operation) {
                throw UnwantedNames[code]
                    ? Refused(UnwantedNames[code])
                    : WrongArray(`it has the unknown operation ${code} at byte ${this._at - 1}`);
            }
            operation(this);
        }
        throw WrongArray(`its pickle has more than ${MaxOperations} operations`);
    }

    // What operations are made of.

    public push(value: unknown): void {
        this._grow(ValueBytes);
        this._stack.push(value);
    }

    public pop(): unknown {
        const value = this._stack.pop();
        if (value === undefined || value === MarkOfStack) {
            throw WrongArray("its pickle takes a value where none is");
        }
        return value;
    }

    public top(): unknown {
        const value = this.pop();
        this._stack.push(value);
        return value;
    }

    public pushMark(): void {
        this._stack.push(MarkOfStack);
        this._grow(ValueBytes);
    }

    /** What lies above the last mark, without the mark. */
    public popMark(): unknown[] {
        const mark = this._stack.lastIndexOf(MarkOfStack);
        if (mark < 0) {
            throw WrongArray("its pickle goes back to a mark that is none");
        }
        const above = this._stack.splice(mark);
        above.shift();
        return above;
    }

    public tuple(count: number): void {
        const items = Array.from({ length: count }, () => this.pop()).reverse();
        this.push(items);
    }

    public number(kind: "Uint8" | "Uint16" | "Int32" | "Uint32" | "Float64"): number {
        switch (kind) {
            case "Uint8":
                return this._view.getUint8(this._take(1));
            case "Uint16":
                return this._view.getUint16(this._take(2), true);
            case "Int32":
                return this._view.getInt32(this._take(4), true);
            case "Uint32":
                return this._view.getUint32(this._take(4), true);
            case "Float64":
                return this._view.getFloat64(this._take(8), false);
        }
    }

    public long64(): number {
        return Number(this._view.getBigUint64(this._take(8), true));
    }

    /** Python's whole number of so many bytes. */
    public integer(length: number): number {
        if (length > 8) {
            throw WrongArray(`its pickle has a whole number of ${length} bytes`);
        }
        let value = 0n;
        const bytes = this.raw(length);
        for (let i = length - 1; i >= 0; i--) {
            value = (value << 8n) | BigInt(bytes[i]);
        }
        return Number(length > 0 ? BigInt.asIntN(8 * length, value) : 0n);
    }

    public raw(length: number): Uint8Array {
        const at = this._take(length);
        return this._bytes.subarray(at, at + length);
    }

    public utf8(length: number): string {
        return new TextDecoder().decode(this.raw(length));
    }

    /** A line of text, without its end. */
    public line(): string {
        const bytes = this.lineBytes();
        if (bytes.length > MaxLine) {
            throw WrongArray(`its pickle has a line of ${bytes.length} letters`);
        }
        return Latin1(bytes);
    }

    public lineBytes(): Uint8Array {
        const end = this._bytes.indexOf(10, this._at);
        if (end < 0) {
            throw WrongArray("a line of its pickle does not end");
        }
        const line = this._bytes.subarray(this._at, end);
        this._at = end + 1;
        return line;
    }

    public decimal(): number {
        const line = this.line().replace(/L$/, "");
        const value = Number(line);
        if (line.trim() === "" || Number.isNaN(value)) {
            throw WrongArray(`its pickle has the number ${JSON.stringify(line.slice(0, 40))}`);
        }
        return value;
    }

    public put(index: number): void {
        this._grow(ValueBytes);
        this._memo.set(index, this.top());
    }

    public memoize(): void {
        this.put(this._memo.size);
    }

    public get(index: number): void {
        const value = this._memo.get(index);
        if (value === undefined) {
            throw WrongArray(`its pickle remembers nothing as ${index}`);
        }
        this.push(value);
    }

    public global(module: unknown, name: unknown): void {
        const wanted = `${TextOf(module) ?? "?"} ${TextOf(name) ?? "?"}`;
        const constructor = ConstructorOf(wanted);
        if (!constructor) {
            throw Refused(`"${wanted.slice(0, 100)}"`);
        }
        this.push(constructor);
    }

    /** Makes an object of a constructor and a tuple on the stack. */
    public reduce(): void {
        const args = this.pop();
        const made = this.pop();
        if (!IsConstructor(made) || !Array.isArray(args)) {
            throw Refused("a call of something that is no constructor");
        }
        const value = made.make(args as unknown[]);
        this._grow(SizeOf(value)); // the same list may be asked for again and again
        this.push(value);
    }

    public build(): void {
        const state = this.pop();
        const object = this.top();
        if (!(object instanceof PickleObject)) {
            throw WrongArray("its pickle gives a state to what has none");
        }
        object.state = state;
    }

    public append(items: readonly unknown[]): void {
        const list = this.top();
        if (!Array.isArray(list)) {
            throw WrongArray("its pickle appends to what is no list");
        }
        this._grow(ValueBytes * items.length);
        for (const item of items) {
            list.push(item);
        }
    }

    public setItems(items: readonly unknown[]): void {
        const into = this.top();
        if (!(into instanceof Map) || items.length % 2 !== 0) {
            throw WrongArray("its pickle sets items of what is no dictionary");
        }
        this._grow(ValueBytes * items.length);
        SetPairs(into as Map<unknown, unknown>, items);
    }

    /** Bytes at the next place. @returns where they begin */
    private _take(length: number): number {
        const at = this._at;
        if (!(length >= 0) || at + length > this._bytes.length) {
            throw WrongArray(`its pickle ends within something of ${length} bytes`);
        }
        this._at += length;
        return at;
    }

    private _grow(bytes: number): void {
        this._madeBytes += bytes;
        if (this._madeBytes > MaxMadeBytes) {
            throw WrongArray(`its pickle makes more than ${MaxMadeBytes} bytes`);
        }
    }
}

function SetPairs(into: Map<unknown, unknown>, items: readonly unknown[]): void {
    for (let i = 0; i < items.length; i += 2) {
        into.set(items[i] instanceof Uint8Array ? TextOf(items[i]) : items[i], items[i + 1]);
    }
}

function IsConstructor(value: unknown): value is IPickleConstructor {
    return typeof value === "object" && value !== null && "make" in value && "isConstructor" in value;
}

function SizeOf(value: unknown): number {
    if (value instanceof Uint8Array) {
        return value.length;
    }
    return ValueBytes * (value instanceof Map ? value.size : Array.isArray(value) ? value.length : 1);
}

const Escapes: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, a: 7, b: 8, f: 12, v: 11 };

/** A byte string as protocol 0 has it: in quotes, with Python's escapes. */
function QuotedBytes(line: Uint8Array): Uint8Array {
    const quote = line[0];
    if (line.length < 2 || (quote !== 39 && quote !== 34) || line[line.length - 1] !== quote) {
        throw WrongArray("a text of its pickle has no quotes");
    }
    const bytes = new Uint8Array(line.length);
    let count = 0;
    for (let i = 1; i < line.length - 1; i++) {
        let byte = line[i];
        if (byte === 92) {
            const letter = String.fromCharCode(line[++i]);
            byte = Escapes[letter] ?? line[i];
            if (letter === "x") {
                byte = parseInt(Latin1(line.subarray(i + 1, i + 3)), 16);
                i += 2;
            }
        }
        bytes[count++] = byte;
    }
    return bytes.subarray(0, count);
}

const RawUnicode = (line: string): string =>
    line.replace(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(parseInt(code, 16)));

const Stop = 0x2e;

type Operation = (reader: PickleReader) => void;

/** By the letter that stands for an operation in Python's `pickletools`. */
const Operations: readonly (Operation | undefined)[] = (() => {
    const table = new Array<Operation | undefined>(256);
    const add = (code: string | number, operation: Operation): void => {
        table[typeof code === "string" ? code.charCodeAt(0) : code] = operation;
    };
    // values
    add("N", (r) => r.push(null));
    add(0x88, (r) => r.push(true));
    add(0x89, (r) => r.push(false));
    add("I", (r) => r.push(r.decimal()));
    add("L", (r) => r.push(r.decimal()));
    add("F", (r) => r.push(r.decimal()));
    add("J", (r) => r.push(r.number("Int32")));
    add("K", (r) => r.push(r.number("Uint8")));
    add("M", (r) => r.push(r.number("Uint16")));
    add("G", (r) => r.push(r.number("Float64")));
    add(0x8a, (r) => r.push(r.integer(r.number("Uint8"))));
    add(0x8b, (r) => r.push(r.integer(r.number("Uint32"))));
    add("S", (r) => r.push(QuotedBytes(r.lineBytes())));
    add("T", (r) => r.push(r.raw(r.number("Uint32"))));
    add("U", (r) => r.push(r.raw(r.number("Uint8"))));
    add("B", (r) => r.push(r.raw(r.number("Uint32"))));
    add("C", (r) => r.push(r.raw(r.number("Uint8"))));
    add(0x8e, (r) => r.push(r.raw(r.long64())));
    add(0x96, (r) => r.push(r.raw(r.long64())));
    add("V", (r) => r.push(RawUnicode(r.line())));
    add("X", (r) => r.push(r.utf8(r.number("Uint32"))));
    add(0x8c, (r) => r.push(r.utf8(r.number("Uint8"))));
    add(0x8d, (r) => r.push(r.utf8(r.long64())));
    // containers; tuples and sets are arrays here
    add("(", (r) => r.pushMark());
    add("]", (r) => r.push([]));
    add(")", (r) => r.push([]));
    add(0x8f, (r) => r.push([]));
    add("}", (r) => r.push(new Map()));
    add("l", (r) => r.push(r.popMark()));
    add("t", (r) => r.push(r.popMark()));
    add(0x91, (r) => r.push(r.popMark()));
    add("d", (r) => {
        const items = r.popMark();
        r.push(new Map());
        r.setItems(items);
    });
    add(0x85, (r) => r.tuple(1));
    add(0x86, (r) => r.tuple(2));
    add(0x87, (r) => r.tuple(3));
    add("a", (r) => r.append([r.pop()]));
    add("e", (r) => r.append(r.popMark()));
    add(0x90, (r) => r.append(r.popMark()));
    add("s", (r) => r.setItems([r.pop(), r.pop()].reverse()));
    add("u", (r) => r.setItems(r.popMark()));
    // stack and memory
    add("0", (r) => void r.pop());
    add("1", (r) => void r.popMark());
    add("2", (r) => r.push(r.top()));
    add("p", (r) => r.put(r.decimal()));
    add("q", (r) => r.put(r.number("Uint8")));
    add("r", (r) => r.put(r.number("Uint32")));
    add(0x94, (r) => r.memoize());
    add("g", (r) => r.get(r.decimal()));
    add("h", (r) => r.get(r.number("Uint8")));
    add("j", (r) => r.get(r.number("Uint32")));
    // objects
    add("c", (r) => r.global(r.line(), r.line()));
    add(0x93, (r) => {
        const name = r.pop();
        r.global(r.pop(), name);
    });
    add("R", (r) => r.reduce());
    add(0x81, (r) => r.reduce());
    add("b", (r) => r.build());
    // of no account
    add(0x80, (r) => void r.number("Uint8"));
    add(0x95, (r) => void r.long64());
    return table;
})();

/** Operations that are known and never data of a head. */
const UnwantedNames: Readonly<Record<number, string>> = {
    0x50: "an object that lies outside of it",
    0x51: "an object that lies outside of it",
    0x69: "an instance of a class of old",
    0x6f: "an instance of a class of old",
    0x82: "a registered extension",
    0x83: "a registered extension",
    0x84: "a registered extension",
    0x92: "a constructor with named arguments",
    0x97: "a buffer that lies outside of it",
    0x98: "a buffer that lies outside of it",
};
