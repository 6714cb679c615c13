// Modules and functions in MLIR text. Calls are inlined: a private function's body is read anew at each call.
#include <fmt/core.h>

#include <unordered_map>

#include "graph/infer.h"
#include "graph/text_ops.h"

namespace systole::graph {
namespace {

constexpr std::size_t kMaxOps = 1 << 20;  // against texts whose calls multiply
constexpr int kMaxCallDepth = 32;

struct Argument {
  std::string name;
  TensorType type;
  AttributeMap attributes;
};
struct Function {
  std::string name;
  std::vector<Argument> arguments;
  std::vector<Argument> results;  // nameless
  Span body;
};
using Scope = std::unordered_map<std::string, ValueId>;

class ModuleParser {
 public:
  ModuleParser(std::string_view text, const std::string& place) : in_(text, place), place_(place) {}

  Expected<Graph> parse() {
    read_functions();
    if (in_.ok() && functions_.empty()) in_.fail("no function (func.func) in this text");
    if (in_.ok()) build(main_function());
    if (!in_.ok()) return in_.error();
    if (const Status status = verify(graph_); !status.ok()) {
      return Error{status.error().code, place_ + ": " + status.error().place, status.error().message,
                   status.error().hint};
    }
    return std::move(graph_);
  }

 private:
  void skip_aliases() {  // #loc1 = loc("...")
    while (in_.ok() && in_.accept("#")) {
      (void)in_.word();
      in_.expect("=");
      if (in_.accept("#"))
        (void)in_.word();
      else if (in_.accept("loc") || !in_.word().empty())
        (void)in_.bracketed();
    }
  }

  std::string symbol() {
    in_.expect("@");
    return in_.peek("\"") ? in_.string() : std::string(in_.word());
  }

  void read_functions() {
    skip_aliases();
    const bool module = in_.accept("module");
    if (module) {
      if (in_.peek("@")) (void)symbol();
      if (in_.accept("attributes")) (void)in_.bracketed();
      in_.expect("{");
    }
    while (in_.ok() && (in_.accept("func.func") || in_.accept("func"))) functions_.push_back(function());
    if (module) in_.expect("}");
    in_.skip_locations();
    skip_aliases();
    if (!in_.at_end()) in_.fail("expected 'func.func' or the end");
  }

  Function function() {
    Function f;
    if (!in_.accept("public")) (void)in_.accept("private");
    f.name = symbol();
    in_.expect("(");
    while (in_.ok() && !in_.accept(")")) {
      Argument a;
      a.name = in_.value_name();
      in_.expect(":");
      a.type = in_.tensor_type();
      if (in_.accept("{")) a.attributes = in_.attributes();
      in_.skip_locations();
      f.arguments.push_back(std::move(a));
      if (!in_.peek(")")) in_.expect(",");
    }
    if (in_.accept("->")) read_results(f);
    if (in_.accept("attributes")) (void)in_.bracketed();
    f.body = in_.bracketed();
    in_.skip_locations();
    return f;
  }

  void read_results(Function& f) {
    if (!in_.accept("(")) {
      f.results.push_back({{}, in_.tensor_type(), {}});
      return;
    }
    while (in_.ok() && !in_.accept(")")) {
      Argument result;
      result.type = in_.tensor_type();
      if (in_.accept("{")) result.attributes = in_.attributes();
      f.results.push_back(std::move(result));
      if (!in_.peek(")")) in_.expect(",");
    }
  }

  const Function& main_function() const {
    for (const Function& f : functions_) {
      if (f.name == "main") return f;
    }
    return functions_.front();
  }

  std::string text_attribute(const AttributeMap& attributes, std::string_view name, const std::string& otherwise) {
    const auto it = attributes.find(name);
    return it == attributes.end() ? otherwise : in_.within(it->second, [&] { return in_.string(); });
  }

  void build(const Function& f) {
    graph_.name = f.name;
    std::vector<ValueId> arguments;
    for (const Argument& a : f.arguments) {
      const std::string name = text_attribute(a.attributes, "systole.name", a.name.substr(1));
      arguments.push_back(graph_.add_input(a.type, name));
      graph_.values.back().name = text_attribute(a.attributes, "systole.value", name);
    }
    const std::vector<ValueId> results = body(f, arguments, 0);
    for (std::size_t i = 0; in_.ok() && i < results.size(); ++i) {
      graph_.add_output(results[i],
                        text_attribute(f.results[i].attributes, "systole.name", fmt::format("result{}", i)));
    }
  }

  // Reads a function's operations with its arguments bound; what it returns.
  std::vector<ValueId> body(const Function& f, const std::vector<ValueId>& arguments, int depth) {
    Scope scope;
    for (std::size_t i = 0; i < arguments.size(); ++i) scope[f.arguments[i].name] = arguments[i];
    return in_.within(f.body, [&] {
      std::vector<ValueId> results;
      while (in_.ok()) {
        if (in_.accept("return") || in_.accept("func.return") || in_.accept("stablehlo.return")) {
          results = returned(f, scope);
          break;
        }
        statement(scope, depth);
      }
      return results;
    });
  }

  ValueId lookup(const Scope& scope, std::string_view name) {
    const auto it = scope.find(std::string(name));
    if (it != scope.end()) return it->second;
    in_.fail(fmt::format("value '{}' is not defined", name));
    return -1;
  }

  std::vector<ValueId> returned(const Function& f, const Scope& scope) {
    std::vector<ValueId> results;
    while (in_.peek("%")) {
      results.push_back(lookup(scope, in_.value_name()));
      if (!in_.accept(",")) break;
    }
    if (in_.ok() && results.size() != f.results.size())
      in_.fail(fmt::format("returns {} values, declares {}", results.size(), f.results.size()));
    for (std::size_t i = 0; in_.ok() && i < results.size(); ++i) {
      if (!(graph_.type(results[i]) == f.results[i].type)) {
        in_.fail(fmt::format("result {} is {}, declared {}", i, type_text(graph_.type(results[i])),
                             type_text(f.results[i].type)));
      }
    }
    return results;
  }

  // %a = op ..., or %a:2 = call @f(...)
  void statement(Scope& scope, int depth) {
    const std::string name(in_.value_name());
    const std::int64_t count = in_.accept(":") ? in_.integer() : 1;
    in_.expect("=");
    if (!in_.ok()) return;
    if (graph_.ops.size() >= kMaxOps) return in_.fail("more than 2^20 operations", {}, ErrorCode::kUnsupported);
    if (in_.accept("call") || in_.accept("func.call")) {
      const std::vector<ValueId> results = call(scope, depth);
      if (in_.ok() && static_cast<std::int64_t>(results.size()) != count)
        in_.fail("the call returns another number of values");
      for (std::size_t i = 0; in_.ok() && i < results.size(); ++i) {
        scope[count == 1 ? name : fmt::format("{}#{}", name, i)] = results[i];
      }
    } else {
      if (count != 1) return in_.fail("operators have one result", {}, ErrorCode::kUnsupported);
      scope[name] = operation(scope);
    }
    in_.skip_locations();
  }

  std::vector<ValueId> call(const Scope& scope, int depth) {
    const std::string callee = symbol();
    in_.expect("(");
    std::vector<ValueId> arguments;
    while (in_.ok() && !in_.accept(")")) {
      arguments.push_back(lookup(scope, in_.value_name()));
      if (!in_.peek(")")) in_.expect(",");
    }
    in_.expect(":");
    (void)in_.bracketed();
    in_.expect("->");
    if (in_.peek("("))
      (void)in_.bracketed();
    else
      (void)in_.tensor_type();
    if (depth >= kMaxCallDepth) in_.fail("calls nest too deeply");
    if (!in_.ok()) return {};
    for (const Function& f : functions_) {
      if (f.name != callee) continue;
      bool matches = arguments.size() == f.arguments.size();
      for (std::size_t i = 0; matches && i < arguments.size(); ++i)
        matches = graph_.type(arguments[i]) == f.arguments[i].type;
      if (matches) return body(f, arguments, depth + 1);
      in_.fail(fmt::format("the arguments of @{} have other types", callee));
      return {};
    }
    in_.fail(fmt::format("function @{} is not defined", callee));
    return {};
  }

  ValueId operation(const Scope& scope) {
    const std::size_t start = in_.position();
    const bool generic = in_.peek("\"");
    const std::string name = generic ? in_.string() : std::string(in_.word());
    const std::size_t dot = name.find('.');
    const std::string dialect = name.substr(0, dot == std::string::npos ? 0 : dot);
    const auto kind = parse_op_name(dot == std::string::npos ? name : name.substr(dot + 1));
    if (!in_.ok()) return -1;
    if (!kind.ok() || dialect != op_dialect(*kind)) {
      in_.seek(start);
      in_.fail(fmt::format("operator '{}' is not one that Systole has", name), "docs/graph.md lists them",
               ErrorCode::kUnsupported);
      return -1;
    }
    ParsedOp parsed;
    parsed.kind = *kind;
    const Lookup find = [&](std::string_view value) { return lookup(scope, value); };
    if (generic)
      parse_generic(in_, find, graph_, parsed);
    else
      parse_pretty(in_, find, parsed);
    return in_.ok() ? append(parsed, start) : -1;
  }

  void apply_extras(const ParsedOp& parsed, Op& op) {
    op.source = text_attribute(parsed.attributes, "systole.source", {});
    const std::string algorithm = text_attribute(parsed.attributes, "systole.algorithm", "default");
    const std::string placement = text_attribute(parsed.attributes, "systole.placement", "matrix");
    Algorithm value = Algorithm::kDefault;
    if (algorithm == "bf16x3")
      value = Algorithm::kBf16x3;
    else if (algorithm == "bf16x6")
      value = Algorithm::kBf16x6;
    else if (algorithm != "default")
      in_.fail(fmt::format("unknown systole.algorithm '{}'", algorithm));
    if (placement != "matrix" && placement != "vector")
      in_.fail(fmt::format("unknown systole.placement '{}'", placement));
    if (auto* dot = std::get_if<DotAttr>(&op.attr)) dot->algorithm = value;
    if (auto* conv = std::get_if<ConvAttr>(&op.attr)) {
      conv->algorithm = value;
      conv->placement = placement == "vector" ? Placement::kVectorUnit : Placement::kMatrixUnit;
    }
  }

  // Checks the operation against its types and appends it.
  ValueId append(ParsedOp& parsed, std::size_t start) {
    const std::size_t end = in_.position();
    const auto fail_here = [&](const Error& error) {
      in_.seek(start);
      in_.fail(error);
      in_.seek(end);
      return ValueId{-1};
    };
    if (!parsed.operand_types.empty() || parsed.operands.empty()) {
      bool same = parsed.operand_types.size() == parsed.operands.size();
      for (std::size_t i = 0; same && i < parsed.operands.size(); ++i)
        same = graph_.type(parsed.operands[i]) == parsed.operand_types[i];
      if (!same)
        return fail_here(
            invalid_input(std::string(op_name(parsed.kind)), "the operands have other types than written"));
    }
    if (parsed.drop_index_vector) {
      TensorType indices = graph_.type(parsed.operands[1]);
      indices.shape.pop_back();
      parsed.operands[1] = graph_.add_typed(OpKind::kReshape, {parsed.operands[1]}, indices);
    }
    Op op{parsed.kind, parsed.operands, -1, std::move(parsed.attr), {}};
    apply_extras(parsed, op);
    if (!in_.ok()) return -1;
    const auto type = infer_type(graph_, op, &parsed.result);
    if (!type.ok()) return fail_here(type.error());
    if (!(*type == parsed.result)) {
      return fail_here(invalid_input(
          std::string(op_name(op.kind)),
          fmt::format("the result is declared {} but is {}", type_text(parsed.result), type_text(*type))));
    }
    op.result = graph_.add_value(*type, text_attribute(parsed.attributes, "systole.name", {}));
    graph_.ops.push_back(std::move(op));
    return graph_.ops.back().result;
  }

  Scanner in_;
  std::string place_;
  std::vector<Function> functions_;
  Graph graph_;
};

}  // namespace

Expected<Graph> parse_text(std::string_view text, const std::string& place) {
  return ModuleParser(text, place).parse();
}

}  // namespace systole::graph
