package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"gitlab.com/towpath/towpath/gen/kubernetes/internal/schema"
)

// addEnums reads the enums out of Kubernetes' generated openapi.go. For every Go type of the API the file has
// a function that returns one literal:
//
//	spec.Schema{SchemaProps: spec.SchemaProps{Properties: map[string]spec.Schema{
//		"type": {SchemaProps: spec.SchemaProps{Type: []string{"string"}, Enum: []interface{}{"OnDelete", "RollingUpdate"}}},
//
// It is parsed, not run, because running it would make every Kubernetes version a dependency.
func addEnums(path string, definitions map[string]*schema.Schema) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parse the generated schemas: %w", err)
	}
	names := definitionNames(file)
	added := 0
	for _, decl := range file.Decls {
		function, isFunction := decl.(*ast.FuncDecl)
		if !isFunction {
			continue
		}
		definition := definitions[names[function.Name.Name]]
		if definition == nil {
			continue // internal types, and API versions that are not served
		}
		ast.Inspect(function.Body, func(n ast.Node) bool {
			field, isField := n.(*ast.KeyValueExpr)
			if isField && fieldName(field) == "Schema" {
				added += attach(definition, field.Value)
				return false
			}
			return true
		})
	}
	// There were 105 in 1.31; far fewer means that the file's form has changed and this reader has not.
	if added < 50 {
		return errors.New("found hardly any enum in " + path)
	}
	return nil
}

// attach copies the enums of a literal into the schema of the same shape, and counts them.
func attach(target *schema.Schema, value ast.Expr) (added int) {
	if address, isAddress := value.(*ast.UnaryExpr); isAddress {
		value = address.X
	}
	literal, isLiteral := value.(*ast.CompositeLit)
	if !isLiteral || target == nil {
		return 0
	}
	for _, element := range literal.Elts {
		field, isField := element.(*ast.KeyValueExpr)
		if !isField {
			continue
		}
		switch fieldName(field) {
		case "SchemaProps", "Schema":
			added += attach(target, field.Value)
		case "Items":
			added += attach(target.Items, field.Value)
		case "AdditionalProperties":
			added += attach(target.Additional, field.Value)
		case "Properties":
			added += attachProperties(target, field.Value)
		case "Enum":
			target.Enum = stringsOf(field.Value)
			added++
		}
	}
	return added
}

func attachProperties(target *schema.Schema, value ast.Expr) (added int) {
	literal, _ := value.(*ast.CompositeLit)
	for _, element := range literal.Elts {
		field, isField := element.(*ast.KeyValueExpr)
		if !isField {
			continue
		}
		name := unquote(field.Key)
		property := target.Properties[name]
		added += attach(property, field.Value)
		if property != nil && property.Enum != nil {
			// Only a required field tells "" from a field that is not there.
			property.EmptyIsAbsent = !slices.Contains(target.Required, name)
		}
	}
	return added
}

// definitionNames maps the name of a function to the definition that it returns, from the table at the
// head of the file. Up to 1.34 its keys are strings, from 1.35 on they are calls:
//
//	"k8s.io/api/apps/v1.Deployment":           schema_k8sio_api_apps_v1_Deployment(ref),
//	appsv1.Deployment{}.OpenAPIModelName():    schema_k8sio_api_apps_v1_Deployment(ref),
func definitionNames(file *ast.File) map[string]string {
	packages := map[string]string{}
	for _, spec := range file.Imports {
		if spec.Name != nil {
			packages[spec.Name.Name] = unquote(spec.Path)
		}
	}
	names := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		row, isRow := n.(*ast.KeyValueExpr)
		if !isRow {
			return true
		}
		call, isCall := row.Value.(*ast.CallExpr)
		if !isCall {
			return true
		}
		function, isName := call.Fun.(*ast.Ident)
		if !isName || !strings.HasPrefix(function.Name, "schema_") {
			return true
		}
		goType := unquote(row.Key)
		if model, isModel := row.Key.(*ast.CallExpr); isModel {
			goType = modelType(model, packages)
		}
		names[function.Name] = definitionName(goType)
		return false
	})
	return names
}

// modelType is k8s.io/api/apps/v1.Deployment for appsv1.Deployment{}.OpenAPIModelName().
func modelType(call *ast.CallExpr, packages map[string]string) string {
	method, _ := call.Fun.(*ast.SelectorExpr)
	if method == nil {
		return ""
	}
	literal, _ := method.X.(*ast.CompositeLit)
	if literal == nil {
		return ""
	}
	selector, _ := literal.Type.(*ast.SelectorExpr)
	if selector == nil {
		return ""
	}
	qualifier, _ := selector.X.(*ast.Ident)
	if qualifier == nil {
		return ""
	}
	return packages[qualifier.Name] + "." + selector.Sel.Name
}

// definitionName is io.k8s.api.apps.v1.Deployment for k8s.io/api/apps/v1.Deployment.
func definitionName(goType string) string {
	host, rest, _ := strings.Cut(goType, "/")
	labels := strings.Split(host, ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "." + strings.ReplaceAll(rest, "/", ".")
}

func fieldName(field *ast.KeyValueExpr) string {
	if name, isName := field.Key.(*ast.Ident); isName {
		return name.Name
	}
	return ""
}

func stringsOf(value ast.Expr) []any {
	var out []any
	if literal, isLiteral := value.(*ast.CompositeLit); isLiteral {
		for _, element := range literal.Elts {
			out = append(out, unquote(element))
		}
	}
	return out
}

func unquote(value ast.Expr) string {
	literal, isLiteral := value.(*ast.BasicLit)
	if !isLiteral {
		return ""
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return text
}
