/**
 * The comments on the fields of the schema, by path: the one home of their documentation, which editors show as well.
 * Read from the syntax alone: a type checker would take seconds.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";

/** A field of the schema as its source has it. */
export interface DocumentedField {
  /** Path with `*` for a key of the user's and `[]` for a place in a list: `machines.*.size.memory`. */
  readonly path: string;
  /** Text of its comment, on one line. */
  readonly doc: string;
  /** Value of the discriminator, where the field is of one variant of a union: `lab`. */
  readonly variant?: string | undefined;
}

/** Every field below the schema that `root` names in `file`, in the order of the source. */
export function documentedFields(file: string, root: string): DocumentedField[] {
  return new Source(file).fields(root);
}

class Source {
  private readonly constants = new Map<string, ts.Expression>();
  private readonly imports = new Map<string, string>();

  constructor(private readonly file: string) {
    const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022, true);
    for (const statement of source.statements) {
      if (ts.isVariableStatement(statement))
        for (const { name, initializer } of statement.declarationList.declarations)
          if (ts.isIdentifier(name) && initializer !== undefined) this.constants.set(name.text, initializer);
      if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue;
      const names = statement.importClause?.namedBindings;
      if (names === undefined || !ts.isNamedImports(names) || !statement.moduleSpecifier.text.startsWith(".")) continue;
      for (const { name } of names.elements) this.imports.set(name.text, statement.moduleSpecifier.text);
    }
  }

  fields(constant: string): DocumentedField[] {
    const expression = this.constants.get(constant);
    return expression === undefined ? [] : this.below(expression, "", undefined);
  }

  /** Fields below an expression that makes a schema. */
  private below(expression: ts.Expression, path: string, variant: string | undefined): DocumentedField[] {
    if (ts.isIdentifier(expression)) return this.belowName(expression.text, path, variant);
    if (ts.isAsExpression(expression)) return this.below(expression.expression, path, variant);
    if (!ts.isCallExpression(expression) || !ts.isPropertyAccessExpression(expression.expression)) return [];
    const { expression: target, name } = expression.expression;
    const [first, second] = expression.arguments;
    if (!ts.isIdentifier(target) || target.text !== "z") return this.below(target, path, variant);
    switch (name.text) {
      case "strictObject":
        return ts.isObjectLiteralExpression(first as ts.Node)
          ? this.ofObject(first as ts.ObjectLiteralExpression, path, variant)
          : [];
      case "record":
        return second === undefined ? [] : this.below(second, `${path}.*`, variant);
      case "array":
        return first === undefined ? [] : this.below(first, `${path}[]`, variant);
      case "union":
        return options(first).flatMap((option) => this.below(option, path, variant));
      case "discriminatedUnion":
        return options(second).flatMap((option) =>
          this.below(option, path, ts.isIdentifier(option) ? option.text : undefined),
        );
      default:
        return [];
    }
  }

  private belowName(name: string, path: string, variant: string | undefined): DocumentedField[] {
    const own = this.constants.get(name);
    if (own !== undefined) return this.below(own, path, variant);
    const module = this.imports.get(name);
    if (module === undefined) return [];
    return new Source(join(dirname(this.file), `${module}.ts`)).fields(name).map((field) => ({
      ...field,
      path: `${path}.${field.path}`,
    }));
  }

  private ofObject(object: ts.ObjectLiteralExpression, path: string, variant: string | undefined): DocumentedField[] {
    return object.properties.flatMap((property) => {
      const name = property.name?.getText() ?? "";
      const own = path === "" ? name : `${path}.${name}`;
      const schema = ts.isPropertyAssignment(property)
        ? property.initializer
        : ts.isShorthandPropertyAssignment(property)
          ? property.name
          : undefined;
      return [{ path: own, doc: docOf(property), variant }, ...(schema ? this.below(schema, own, variant) : [])];
    });
  }
}

function options(list: ts.Expression | undefined): readonly ts.Expression[] {
  return list !== undefined && ts.isArrayLiteralExpression(list) ? [...list.elements] : [];
}

function docOf(node: ts.Node): string {
  const [doc] = ts.getJSDocCommentsAndTags(node);
  const comment = doc?.comment;
  return (typeof comment === "string" ? comment : (ts.getTextOfJSDocComment(comment) ?? ""))
    .replace(/\s+/g, " ")
    .trim();
}
